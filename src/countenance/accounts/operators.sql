-- list_operators --
select operator_id, account_id, name, roles, added_by, added_at, password_hash is not null or oidc_subject is not null, invited_until
from operator
where account_id = %(account_id)s and removed_at is null
order by name;

-- find_operator --
select operator_id, account_id, name, roles, added_by, added_at, password_hash is not null or oidc_subject is not null, invited_until
from operator
where account_id = %(account_id)s and name = %(name)s and removed_at is null;

-- put_operator --
-- Again with other roles is a change of them, and of nothing else.
insert into operator (account_id, name, roles, added_by)
values (%(account_id)s, %(name)s, %(roles)s, %(added_by)s)
on conflict (account_id, name) where removed_at is null do update set roles = excluded.roles
returning operator_id;

-- lock_operator --
select roles from operator
where account_id = %(account_id)s and name = %(name)s and removed_at is null
for update;

-- remove_operator --
update operator set
    removed_at = clock_timestamp(), invitation_digest = null, invited_until = null,
    password_hash = null, sealed_totp = null, oidc_issuer = null, oidc_subject = null
where account_id = %(account_id)s and name = %(name)s and removed_at is null
returning operator_id;

-- end_operators_keys --
update access_key set revoked_at = coalesce(revoked_at, clock_timestamp()) where operator_id = %(operator_id)s;

-- end_operators_sessions --
delete from console_session where operator_id = %(operator_id)s;

-- create_personal_key --
-- `officer`: only of the house's own people, and only of who is in office now.
insert into access_key (access_key_id, account_id, operator, sealed_secret, operator_id, for_console, officer)
select
    %(access_key_id)s, o.account_id, o.name, %(sealed_secret)s, o.operator_id, %(for_console)s,
    (select f.name from officer as f join account as a on a.account_id = o.account_id and a.is_house
     where f.name = o.name and f.removed_at is null and 'officer' = any(o.roles))
from operator as o
where o.operator_id = %(operator_id)s and o.removed_at is null
returning created_at, account_id, operator;

-- invite --
update operator set invitation_digest = %(digest)s, invited_until = clock_timestamp() + %(lasts)s::interval
where account_id = %(account_id)s and name = %(name)s and removed_at is null
returning operator_id, invited_until;

-- find_invited --
select operator_id, account_id, name
from operator
where invitation_digest = %(digest)s and invited_until > clock_timestamp() and removed_at is null;

-- take_invitation --
-- Once: of two browsers with one invitation, the second finds it gone.
update operator set
    invitation_digest = null, invited_until = null, password_hash = %(password_hash)s,
    sealed_totp = %(sealed_totp)s, totp_step = %(totp_step)s, failures = 0, locked_until = null
where invitation_digest = %(digest)s and invited_until > clock_timestamp() and removed_at is null
returning operator_id, account_id, name;

-- take_invitation_by_identity --
update operator set
    invitation_digest = null, invited_until = null, oidc_issuer = %(issuer)s, oidc_subject = %(subject)s
where invitation_digest = %(digest)s and invited_until > clock_timestamp() and removed_at is null
returning operator_id, account_id, name;

-- find_by_identity --
select operator_id, account_id, name
from operator
where oidc_issuer = %(issuer)s and oidc_subject = %(subject)s and removed_at is null;

-- find_password --
select password_hash from operator
where account_id = %(account_id)s and name = %(name)s and removed_at is null and password_hash is not null;

-- lock_for_sign_in --
select operator_id, account_id, name, password_hash, sealed_totp, totp_step, failures, locked_until
from operator
where account_id = %(account_id)s and name = %(name)s and removed_at is null and password_hash is not null
for update;

-- note_failure --
update operator set failures = %(failures)s, locked_until = %(locked_until)s where operator_id = %(operator_id)s;

-- note_success --
update operator set failures = 0, locked_until = null, totp_step = %(totp_step)s
where operator_id = %(operator_id)s;

-- create_console_session --
insert into console_session (session_digest, operator_id, access_key_id, sealed_keys, expires_at)
values (%(digest)s, %(operator_id)s, %(access_key_id)s, %(sealed_keys)s, %(expires_at)s);

-- find_console_session --
select s.operator_id, o.account_id, o.name, o.roles, s.sealed_keys, s.created_at, s.seen_at, s.expires_at,
    a.is_house, a.name
from console_session as s
join operator as o using (operator_id)
join account as a on a.account_id = o.account_id
join access_key as k on k.access_key_id = s.access_key_id
where s.session_digest = %(digest)s and o.removed_at is null and k.revoked_at is null
    and s.expires_at > clock_timestamp() and s.seen_at > clock_timestamp() - %(idle)s::interval;

-- touch_console_session --
update console_session set seen_at = clock_timestamp()
where session_digest = %(digest)s and seen_at < clock_timestamp() - interval '1 minute';

-- keep_session_keys --
update console_session set sealed_keys = %(sealed_keys)s where session_digest = %(digest)s;

-- end_console_session --
with ended as (
    delete from console_session where session_digest = %(digest)s returning access_key_id, operator_id
),
revoked as (
    update access_key as k set revoked_at = coalesce(k.revoked_at, clock_timestamp())
    from ended as e
    where k.access_key_id = e.access_key_id
)
select operator_id from ended;

-- revoke_ended_sessions --
-- A session that nobody ended: its key ends now, if later than the session.
with ended as (
    delete from console_session
    where expires_at < clock_timestamp() or seen_at < clock_timestamp() - %(idle)s::interval
    returning access_key_id
)
update access_key as k set revoked_at = coalesce(k.revoked_at, clock_timestamp())
from ended as e where k.access_key_id = e.access_key_id;

-- forget_console_keys --
with old as (
    select access_key_id from access_key
    where for_console and parent_access_key_id is null and revoked_at < clock_timestamp() - interval '2 days'
),
children as (
    delete from access_key where parent_access_key_id in (select access_key_id from old)
)
delete from access_key where access_key_id in (select access_key_id from old);
