-- Passkeys of operators.

-- list_passkeys --
select credential_id, place, name, added_at, used_at, copied_at
from passkey
where operator_id = %(operator_id)s
order by added_at, credential_id;

-- find_passkey --
select p.operator_id, p.place, p.public_key
from passkey as p
join operator as o using (operator_id)
where p.credential_id = %(credential_id)s and o.removed_at is null;

-- lock_passkey --
select p.operator_id, o.account_id, o.name, p.public_key, p.sign_count, p.copied_at is not null
from passkey as p
join operator as o using (operator_id)
where p.credential_id = %(credential_id)s and o.removed_at is null
for update of p;

-- spend_challenge --
-- Once: an answer, or a form (sent_forms.py), that comes again finds it spent.
insert into passkey_challenge (digest, ends_at) values (%(digest)s, %(ends_at)s)
on conflict do nothing
returning 1;

-- forget_challenges --
delete from passkey_challenge where ends_at < clock_timestamp() - interval '1 hour';

-- add_passkey --
insert into passkey (credential_id, operator_id, place, name, public_key, sign_count)
values (%(credential_id)s, %(operator_id)s, %(place)s, %(name)s, %(public_key)s, %(sign_count)s);

-- use_passkey --
update passkey set sign_count = %(sign_count)s, used_at = clock_timestamp()
where credential_id = %(credential_id)s;

-- note_copy --
update passkey set copied_at = clock_timestamp() where credential_id = %(credential_id)s;

-- note_refusal --
-- At most one in a minute, so that trying fills no log.
update passkey as p set refused_at = clock_timestamp()
from operator as o
where p.credential_id = %(credential_id)s and o.operator_id = p.operator_id and o.removed_at is null
    and (p.refused_at is null or p.refused_at < clock_timestamp() - interval '1 minute')
returning o.account_id, o.name;

-- lock_fresh_session --
-- The operator's row as well, so that of two removals at once one is the later.
select s.created_at > clock_timestamp() - %(fresh)s::interval, o.password_hash is not null or o.oidc_subject is not null,
    o.account_id, o.name
from console_session as s
join operator as o using (operator_id)
where s.session_digest = %(session)s and o.operator_id = %(operator_id)s and o.removed_at is null
for update of o;

-- count_passkeys --
select count(*) filter (where copied_at is null), count(*) from passkey where operator_id = %(operator_id)s;

-- rename_passkey --
update passkey set name = %(name)s where credential_id = %(credential_id)s and operator_id = %(operator_id)s
returning 1;

-- remove_passkey --
delete from passkey where credential_id = %(credential_id)s and operator_id = %(operator_id)s
returning name;

-- end_other_sessions --
with ended as (
    delete from console_session where operator_id = %(operator_id)s and session_digest <> %(session)s
    returning access_key_id
)
update access_key as k set revoked_at = coalesce(k.revoked_at, clock_timestamp())
from ended as e where k.access_key_id = e.access_key_id;
