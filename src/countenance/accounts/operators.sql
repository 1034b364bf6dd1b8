-- list_operators --
select
    o.operator_id, o.account_id, o.name, o.roles, o.added_by, o.added_at,
    o.password_hash is not null or o.oidc_subject is not null
        or exists (select 1 from passkey as p where p.operator_id = o.operator_id),
    o.invited_until, o.vouched_at, coalesce(v.name, o.vouched_by), coalesce(b.name, o.brought_in_by)
from operator as o
left join operator as v on v.operator_id = o.vouched_by
left join operator as b on b.operator_id = o.brought_in_by
where o.account_id = %(account_id)s and o.removed_at is null
order by o.name;

-- find_operator --
select
    o.operator_id, o.account_id, o.name, o.roles, o.added_by, o.added_at,
    o.password_hash is not null or o.oidc_subject is not null
        or exists (select 1 from passkey as p where p.operator_id = o.operator_id),
    o.invited_until, o.vouched_at, coalesce(v.name, o.vouched_by), coalesce(b.name, o.brought_in_by)
from operator as o
left join operator as v on v.operator_id = o.vouched_by
left join operator as b on b.operator_id = o.brought_in_by
where o.account_id = %(account_id)s and o.name = %(name)s and o.removed_at is null;

-- put_operator --
-- Again with other roles is a change of them, and of nothing else.
insert into operator (account_id, name, roles, added_by, vouched_by, vouched_at)
values (
    %(account_id)s, %(name)s, %(roles)s, %(added_by)s, case when %(on_machine)s then 'machine' end,
    case when %(on_machine)s then clock_timestamp() end
)
on conflict (account_id, name) where removed_at is null do update set roles = excluded.roles
returning operator_id;

-- lock_operator --
select roles from operator
where account_id = %(account_id)s and name = %(name)s and removed_at is null
for update;

-- remove_operator --
with removed as (
    update operator set
        removed_at = clock_timestamp(), invitation_digest = null, invited_until = null,
        password_hash = null, sealed_totp = null, oidc_issuer = null, oidc_subject = null
    where account_id = %(account_id)s and name = %(name)s and removed_at is null
    returning operator_id
),
forgotten as (delete from passkey where operator_id in (select operator_id from removed))
select operator_id from removed;

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
-- Who invites is written down as they stand now: somebody whom nobody vouches for brings in nobody who counts.
update operator as o set
    invitation_digest = %(digest)s,
    invited_until = clock_timestamp() + %(lasts)s::interval,
    invited_by = case
        when %(on_machine)s then 'machine'
        else coalesce(
            (select i.operator_id from operator as i
             where i.operator_id = %(inviter)s and i.account_id = o.account_id
                and i.removed_at is null and i.vouched_at is not null),
            'unknown'
        )
    end
where account_id = %(account_id)s and name = %(name)s and removed_at is null
returning operator_id, invited_until;

-- lock_to_vouch --
select operator_id, vouched_at is not null, brought_in_by
from operator
where account_id = %(account_id)s and name = %(name)s and removed_at is null
for update;

-- is_vouched_for --
select exists (
    select 1 from operator
    where operator_id = %(operator_id)s and account_id = %(account_id)s and removed_at is null
        and vouched_at is not null
);

-- vouch --
update operator set vouched_by = %(vouched_by)s, vouched_at = clock_timestamp()
where operator_id = %(operator_id)s;

-- find_invited --
select operator_id, account_id, name
from operator
where invitation_digest = %(digest)s and invited_until > clock_timestamp() and removed_at is null;

-- take_invitation --
-- Once: of two browsers with one invitation, the second finds it gone. What one signed in with before is over,
-- whatever it was; and so is what anybody vouched for, unless the invitation came from the machine.
with taken as (
    update operator set
        invitation_digest = null, invited_until = null, invited_by = null, brought_in_by = coalesce(invited_by, 'unknown'),
        vouched_by = case when invited_by = 'machine' then 'machine' end,
        vouched_at = case when invited_by = 'machine' then clock_timestamp() end,
        password_hash = %(password_hash)s, sealed_totp = %(sealed_totp)s, totp_step = %(totp_step)s,
        oidc_issuer = %(issuer)s, oidc_subject = %(subject)s, failures = 0, locked_until = null
    where invitation_digest = %(digest)s and invited_until > clock_timestamp() and removed_at is null
    returning operator_id, account_id, name
),
forgotten as (delete from passkey where operator_id in (select operator_id from taken))
select operator_id, account_id, name from taken;

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
