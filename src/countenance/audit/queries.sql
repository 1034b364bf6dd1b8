-- record --
with recorded as (
    insert into audit_event (event_id, account, entry, sealed)
    values (%(event_id)s, %(account)s, %(entry)s, %(sealed)s)
    returning event_id
),
touched as (
    insert into audit_touch (event_id, position, tag, commitment, sealed)
    select event_id, position - 1, tag, commitment, touch.sealed
    from recorded, unnest(%(tags)s::bytea[], %(commitments)s::bytea[], %(touches)s::bytea[])
        with ordinality as touch (tag, commitment, sealed, position)
)
select count(*) from recorded;

-- record_in_force --
-- The key must be unrevoked and the standings those that policy saw: what ended while the call ran stops it
-- here, and so do evaluations that it rests on (migrations 0003 and 0012 have the function, and why it is one).
select record_in_force(
    %(event_id)s, %(account_id)s, %(access_key_id)s, %(standing)s, %(effective_standing)s,
    %(beneficiaries)s::text[], %(evaluations)s::uuid[], %(account)s, %(entry)s, %(sealed)s, %(tags)s::bytea[], %(commitments)s::bytea[], %(touches)s::bytea[],
    %(purpose)s, %(observed_kind)s, %(observed)s
);

-- find_secrets --
-- The random bytes beside the faces and users that an event names, as of its own transaction.
select c.collection_id, 'face', f.face_id::text, f.secret
from collection as c
join face as f using (collection_id)
where c.account_id = %(account_id)s and c.region = %(region)s and c.name = %(collection)s
    and f.face_id = any(%(face_ids)s::uuid[])
union all
select c.collection_id, 'user', s.user_id, s.secret
from collection as c
join subject as s using (collection_id)
where c.account_id = %(account_id)s and c.region = %(region)s and c.name = %(collection)s
    and s.user_id = any(%(user_ids)s);

-- list_entries --
select log_index, event_id, entry, sealed
from audit_entry
where account = %(account)s and log_index > %(after)s and log_index <= %(until)s
    and (%(operation)s::bytea is null or position(%(operation)s::bytea in entry) > 0)
    and (%(outcome)s::bytea is null or position(%(outcome)s::bytea in entry) > 0)
order by log_index
limit %(limit)s;

-- list_entries_before --
select log_index, event_id, entry, sealed
from audit_entry
where account = %(account)s and log_index < %(before)s and log_index >= %(until)s
    and (%(operation)s::bytea is null or position(%(operation)s::bytea in entry) > 0)
    and (%(outcome)s::bytea is null or position(%(outcome)s::bytea in entry) > 0)
order by log_index desc
limit %(limit)s;

-- reach --
select log_index
from audit_entry
where account = %(account)s and log_index > %(after)s
order by log_index
offset %(entries)s - 1 limit 1;

-- reach_before --
select log_index
from audit_entry
where account = %(account)s and log_index < %(before)s
order by log_index desc
offset %(entries)s - 1 limit 1;

-- list_latest --
-- Newest first; what has no place yet is newer than what has one.
select log_index, event_id, entry, sealed from (
    (
        select null::bigint as log_index, event_id, entry, sealed, recorded_at
        from audit_event
        where account = %(account)s
        order by recorded_at desc, event_id
        limit %(limit)s
    )
    union all
    (
        select log_index, event_id, entry, sealed, null
        from audit_entry
        where account = %(account)s
        order by log_index desc
        limit %(limit)s
    )
) as latest
order by recorded_at desc nulls last, log_index desc
limit %(limit)s;

-- find_entry --
select log_index, event_id, entry, sealed, account from audit_entry where event_id = %(event_id)s
union all
select null, event_id, entry, sealed, account from audit_event where event_id = %(event_id)s;

-- find_touches --
-- What touched one face or user, by the tags that only its key gives.
select event_id, position, sealed from audit_touch where tag = any(%(tags)s::bytea[]);

-- find_subject_secret --
select secret, created_at from face where collection_id = %(collection_id)s and face_id::text = %(id)s and %(kind)s = 'face'
union all
select secret, created_at from subject where collection_id = %(collection_id)s and user_id = %(id)s and %(kind)s = 'user';

-- open_log --
insert into audit_log (origin) values (%(origin)s) on conflict do nothing;

-- log_origin --
select origin from audit_log;

-- digest_before_log --
select count(*), encode(sha256(convert_to(coalesce(string_agg(e::text, e'\n' order by at, event_id), ''), 'UTF8')), 'hex')
from audit_event_before_log as e;

-- add_key --
insert into audit_key (use, vkey, event_id) values (%(use)s, %(vkey)s, %(event_id)s);

-- retire_keys --
update audit_key set retires_at = clock_timestamp() + %(after)s
where use = %(use)s and (retires_at is null or retires_at > clock_timestamp() + %(after)s);

-- newest_key --
select vkey from audit_key where use = %(use)s order by key_id desc limit 1;

-- list_signers --
-- Keys that are in the log; a retired one goes on until its successor is.
with known as (
    select key_id, vkey, retires_at
    from audit_key
    where use = 'log' and exists (select 1 from audit_entry where audit_entry.event_id = audit_key.event_id)
)
select vkey
from known
where retires_at is null or retires_at > clock_timestamp() or key_id = (select max(key_id) from known)
order by key_id desc;

-- read_state --
select
    extract(epoch from clock_timestamp() - (select min(recorded_at) from audit_event))::float8,
    extract(epoch from clock_timestamp() - (
        select min(signed_at) from audit_checkpoint
        where size > coalesce((select max(size) from audit_checkpoint where published_at is not null), -1)
    ))::float8,
    extract(epoch from clock_timestamp() - (select unsigned_since from audit_log))::float8,
    (select vkey from audit_key where use = 'receipt' order by key_id desc limit 1);
