-- read_marks --
-- In one snapshot: a transaction that is numbered from the second figure on has its entry at the first or behind.
-- The place behind the last entry, not the size that is kept: that is compared by itself.
select
    (select coalesce(max(log_index) + 1, 0) from audit_entry),
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
    (select count(*) from audit_event);

-- compare_changes --
-- Every transaction that changed a gallery, since the log was opened, left an event in that transaction.
with changed as (
    select transaction_id, kind, count(*) as faces
    from gallery_change
    where at >= (select opened_at from audit_log) and transaction_id >= (%(transaction)s::text)::xid8
    group by transaction_id, kind
),
recorded as (
    select transaction_id from audit_entry where log_index >= %(size)s
    union all
    select transaction_id from audit_event
),
unrecorded as (
    select * from changed
    where not exists (select 1 from recorded where recorded.transaction_id = changed.transaction_id)
)
select kind, sum(faces)::bigint, 0::bigint, 0::bigint from changed group by kind
union all
select kind, 0, sum(faces)::bigint, max(transaction_id::text::bigint) from unrecorded group by kind;

-- entries_between --
select entry from audit_entry where log_index >= %(start)s and log_index < %(end)s;

-- end_of_log --
select coalesce(max(log_index) + 1, 0) from audit_entry;

-- waiting_entries --
select entry from audit_event;

-- find_broken_promises --
-- Receipts whose event has no place in the log yet, or is nowhere, or is not what was promised. Sent in binary:
-- as text it takes three times as long.
select
    given.position - 1,
    coalesce(placed.event_id, waiting.event_id) is null,
    coalesce(sha256('\x00'::bytea || coalesce(placed.entry, waiting.entry)) = given.leaf_hash, false)
from unnest(%(event_ids)b::uuid[], %(leaf_hashes)b::bytea[])
    with ordinality as given (event_id, leaf_hash, position)
left join audit_entry as placed on placed.event_id = given.event_id
left join audit_event as waiting on waiting.event_id = given.event_id
where placed.event_id is null or sha256('\x00'::bytea || placed.entry) <> given.leaf_hash
order by given.position;

-- find_noted --
select entry from audit_entry where event_id = %(event_id)s
union all
select entry from audit_event where event_id = %(event_id)s;

-- find_last --
-- Of a log that was restored (audit/continuation.py) only what is behind its restoration: counts of before are of
-- a data directory that is gone.
select event_id, entry
from audit_entry
where account is null and position('"kind":"reconciliation"'::bytea in entry) > 0
    and log_index > coalesce(
        (
            select max(log_index) from audit_entry
            where account is null and position('"kind":"log.continued"'::bytea in entry) > 0
        ),
        -1
    )
order by log_index desc
limit 1;

-- read_shape --
-- Size, how many entries there are, and the place behind the last.
select
    (select size from audit_log),
    (select count(*) from audit_entry),
    (select coalesce(max(log_index) + 1, 0) from audit_entry);

-- leaf_hashes_of --
select log_index, sha256('\x00'::bytea || entry)
from audit_entry
where log_index = any(%(indices)s)
order by log_index;

-- differing_tiles --
-- Full tiles of entries whose hashes are not those of their entries.
select tile
from audit_tile
where level = 0 and tile >= %(start)s and tile < %(end)s
    and hashes is distinct from (
        select string_agg(sha256('\x00'::bytea || entry), ''::bytea order by log_index)
        from audit_entry
        where log_index >= tile * 256 and log_index < tile * 256 + 256
    );

-- tiles --
select tile, hashes, root
from audit_tile
where level = %(level)s and tile >= %(start)s and tile < %(end)s
order by tile;
