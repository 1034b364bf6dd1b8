-- add_auditor --
insert into auditor (name, token_digest) values (%(name)s, %(token_digest)s)
on conflict (name) do nothing;

-- list_auditors --
select name, created_at, revoked_at from auditor order by name;

-- revoke_auditor --
update auditor set revoked_at = clock_timestamp() where name = %(name)s and revoked_at is null;

-- note_read --
update auditor set read_recorded_at = clock_timestamp()
where name = %(name)s
    and (read_recorded_at is null or read_recorded_at < clock_timestamp() - %(every)s::interval);

-- find_auditor --
select name from auditor where token_digest = %(token_digest)s and revoked_at is null;
