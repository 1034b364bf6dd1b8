-- bind --
insert into key_binding (fingerprint) values (%(fingerprint)s)
on conflict do nothing;

-- bound_to --
select fingerprint from key_binding;
