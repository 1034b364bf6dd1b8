-- bind --
insert into key_binding (fingerprint) values (%(fingerprint)s)
on conflict do nothing;

-- bound_to --
select fingerprint from key_binding;

-- rebind --
-- To the newest master key, when nothing is under the one before any more.
update key_binding set fingerprint = %(fingerprint)s, bound_at = clock_timestamp()
where fingerprint <> %(fingerprint)s;
