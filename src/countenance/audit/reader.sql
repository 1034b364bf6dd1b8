-- log_size --
select size from audit_log;

-- entries --
select log_index, event_id, entry, null
from audit_entry
where log_index > %(after)s
order by log_index
limit %(limit)s;

-- latest --
-- Newest first; what has no place yet is newer than what has one.
select log_index, event_id, entry, null from (
    (
        select null::bigint as log_index, event_id, entry, recorded_at
        from audit_event
        order by recorded_at desc, event_id
        limit %(limit)s
    )
    union all
    (select log_index, event_id, entry, null from audit_entry order by log_index desc limit %(limit)s)
) as latest
order by recorded_at desc nulls last, log_index desc
limit %(limit)s;

-- mark --
select size, array(select event_id from audit_event) from audit_log;

-- news --
-- One statement, one snapshot: an event that moves into the log is seen on one side.
(
    select log_index, event_id, entry, null::bytea
    from audit_entry
    where log_index > %(after)s
    order by log_index
    limit %(limit)s
)
union all
(
    select null, event_id, entry, null
    from audit_event
    where event_id <> all(%(shown)s)
    order by recorded_at, event_id
    limit %(limit)s
);

-- news_of_account --
(
    select log_index, event_id, entry, sealed
    from audit_entry
    where account = %(account)s and log_index > %(after)s
    order by log_index
    limit %(limit)s
)
union all
(
    select null, event_id, entry, sealed
    from audit_event
    where account = %(account)s and event_id <> all(%(shown)s)
    order by recorded_at, event_id
    limit %(limit)s
);

-- waiting --
select count(*) from audit_event;

-- names --
-- Of every key that the account ever had, temporary ones as far as they are still kept.
select access_key_id, operator from access_key where account_id = %(account_id)s;

-- latest_read --
-- That this auditor read this, of the latest that the log says of itself. Nothing else in an entry can hold
-- these bytes: quotes within its strings are escaped.
select entry
from (
    (select null::bigint as log_index, recorded_at, entry from audit_event where account is null)
    union all
    (select log_index, null, entry from audit_entry where account is null order by log_index desc limit 10000)
) as latest
where position('"kind":"audit.read"'::bytea in entry) > 0
    and position(%(auditor)s::bytea in entry) > 0
    and position(%(resource)s::bytea in entry) > 0
order by log_index desc nulls first, recorded_at desc
limit 1;
