-- create_account --
insert into account (account_id, name, standing)
values (%(account_id)s, %(name)s, %(standing)s)
returning account_id, name, standing, created_at;

-- list_accounts --
select account_id, name, standing, created_at
from account
order by account_id;

-- find_account --
select account_id, name, standing, created_at
from account
where account_id = %(account_id)s;

-- change_standing --
update account set standing = %(standing)s where account_id = %(account_id)s;

-- create_access_key --
insert into access_key (access_key_id, account_id, operator, sealed_secret)
values (%(access_key_id)s, %(account_id)s, %(operator)s, %(sealed_secret)s)
returning created_at;

-- list_access_keys --
select access_key_id, operator, created_at, revoked_at
from access_key
where account_id = %(account_id)s
    and parent_access_key_id is null
    and access_key_id > %(after)s
order by access_key_id
limit %(limit)s;

-- revoke_access_key --
update access_key set revoked_at = coalesce(revoked_at, clock_timestamp())
where access_key_id = %(access_key_id)s and account_id = %(account_id)s;

-- find_credential --
select
    k.access_key_id, k.account_id, a.standing, k.operator, k.sealed_secret, k.session_token_digest,
    k.expires_at, k.revoked_at is not null or p.revoked_at is not null
from access_key as k
join account as a using (account_id)
left join access_key as p on p.access_key_id = k.parent_access_key_id
where k.access_key_id = %(access_key_id)s;

-- create_session --
insert into access_key
    (access_key_id, account_id, operator, sealed_secret, session_token_digest, parent_access_key_id, expires_at)
select
    %(access_key_id)s, account_id, operator, %(sealed_secret)s, %(digest)s, access_key_id,
    date_trunc('second', clock_timestamp()) + %(duration)s
from access_key
where access_key_id = %(parent)s and parent_access_key_id is null and revoked_at is null
returning expires_at;

-- forget_ended_sessions --
delete from access_key
where parent_access_key_id = %(parent)s and expires_at < clock_timestamp() - interval '1 day';

-- record_terms_acceptance --
insert into terms_acceptance (account_id, officer, terms_version)
values (%(account_id)s, %(officer)s, %(terms_version)s)
returning accepted_at;
