-- In one repeatable-read transaction: all of these look at one snapshot.

-- snapshot --
select
    pg_current_snapshot()::text,
    extract(epoch from clock_timestamp())::float8,
    (select coalesce(max(log_index) + 1, 0) from audit_entry);

-- can_follow --
-- A database that is a copy numbers its transactions anew, and the snapshot of the old one says nothing of them.
select pg_snapshot_xmax(%(snapshot)s::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot());

-- count_faces --
select collection.collection_id::text, coalesce(counted.faces, 0)
from collection
left join (select collection_id, count(*) as faces from face group by collection_id) as counted
    using (collection_id);

-- net_changes --
select
    collection_id::text,
    count(*) filter (where kind = 'enrolled') - count(*) filter (where kind = 'deleted')
from gallery_change
where transaction_id >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
    and not pg_visible_in_snapshot(transaction_id, %(snapshot)s::pg_snapshot)
group by collection_id;

-- told_and_done --
-- Entries are told apart by their bytes: they are canonical, so that no text of a caller looks like a member.
-- `encode` and not `convert_from`: an entry that was altered and is no text must not end the comparison.
with recorded as (
    select transaction_id, entry from audit_entry where log_index >= %(size)s
    union all
    select transaction_id, entry from audit_event
),
latest as (
    select transaction_id, entry
    from recorded
    where transaction_id >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
        and not pg_visible_in_snapshot(transaction_id, %(snapshot)s::pg_snapshot)
        and position('"outcome":"answered"'::bytea in entry) > 0
        and position('"replay":true'::bytea in entry) = 0
),
told as (
    select
        transaction_id,
        sum(coalesce(substring(encode(entry, 'escape') from '"deleted":(\d{1,9})\M'), '0')::bigint) as faces
    from latest
    where position('"deleted":'::bytea in entry) > 0
    group by transaction_id
),
done as (
    select transaction_id, count(*) as faces
    from gallery_change
    where kind = 'deleted'
        and transaction_id >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
        and not pg_visible_in_snapshot(transaction_id, %(snapshot)s::pg_snapshot)
        -- one that left no event at all is told of as such
        and exists (select 1 from recorded where recorded.transaction_id = gallery_change.transaction_id)
    group by transaction_id
),
differing as (
    select coalesce(done.faces, 0) - coalesce(told.faces, 0) as more
    from done
    full join told using (transaction_id)
)
select
    (select coalesce(sum(more) filter (where more > 0), 0)::bigint from differing),
    (select coalesce(-sum(more) filter (where more < 0), 0)::bigint from differing),
    (select count(*) from latest where position('"operation":"CreateCollection"'::bytea in entry) > 0),
    (select count(*) from latest where position('"operation":"DeleteCollection"'::bytea in entry) > 0);
