-- list_activations --
select pack, version, digest, mode, accounts, activated_by, activated_at from pack_activation order by pack;

-- lock_activations --
select pg_advisory_xact_lock(hashtextextended('packs', 0));

-- activate --
insert into pack_activation (pack, version, digest, mode, accounts, activated_by)
values (%(pack)s, %(version)s, %(digest)s, %(mode)s, %(accounts)s, %(by)s)
on conflict (pack) do update set
    version = excluded.version, digest = excluded.digest, mode = excluded.mode, accounts = excluded.accounts,
    activated_by = excluded.activated_by, activated_at = clock_timestamp();

-- deactivate --
delete from pack_activation where pack = %(pack)s;

-- list_issuers --
select vkey from pack_issuer order by vkey;

-- trust_issuer --
insert into pack_issuer (vkey, trusted_by) values (%(vkey)s, %(by)s) on conflict do nothing;

-- read_epoch --
select epoch from policy_epoch;
