-- lock_log --
-- The row's lock is what makes places dense with any number of sequencers. An idle log is not locked: that
-- would write to disk. By the index, as the table is full of rows that were moved until it is vacuumed.
select size
from audit_log
where (select event_id from audit_event order by event_id limit 1) is not null
for update;

-- next_index --
-- After the log is locked: a look in one statement with the lock would be of before the lock was had.
select coalesce(max(log_index) + 1, 0) from audit_entry;

-- place_events --
-- Moves the oldest events into the log, and answers their leaf hashes, joined, in the log's order, and how
-- long the oldest of them has waited, in seconds.
with chosen as (
    select ctid as place from audit_event order by recorded_at, event_id limit %(limit)s
),
moved as (
    delete from audit_event
    where ctid = any (array(select place from chosen)) -- nobody else moves them: the log is locked
    returning event_id, recorded_at, transaction_id, account, entry, sealed
),
placed as (
    insert into audit_entry (log_index, event_id, transaction_id, account, entry, sealed)
    select
        %(size)s + row_number() over (order by recorded_at, event_id) - 1,
        event_id, transaction_id, account, entry, sealed
    from moved
    returning log_index, sha256('\x00'::bytea || entry) as leaf_hash
),
-- In one order, as every writer of them has: there is one at a time, but for one that is about to end.
counted as (
    insert into call_count (account, day, outcome, calls)
    select account, day, outcome, count(*)
    from (
        select account, (recorded_at at time zone 'UTC')::date as day, outcome_of(entry) as outcome
        from moved
        where account is not null
        offset 0 -- each entry is looked at once
    ) as judged
    where outcome is not null
    group by account, day, outcome
    order by account, day, outcome
    on conflict (account, day, outcome) do update set calls = call_count.calls + excluded.calls
)
select
    string_agg(leaf_hash, ''::bytea order by log_index),
    (select extract(epoch from clock_timestamp() - min(recorded_at))::float8 from moved)
from placed;

-- set_size --
update audit_log set size = %(size)s, unsigned_since = coalesce(unsigned_since, clock_timestamp());

-- set_aside --
-- Takes out of the way what has the id of an entry: how many there were.
with taken as (
    delete from audit_event as e
    using audit_entry as placed
    where placed.event_id = e.event_id
    returning e.event_id, e.entry, e.sealed
),
kept as (
    insert into audit_set_aside (event_id, entry, sealed) select event_id, entry, sealed from taken
    returning event_id
)
select count(*) from kept;

-- add_tile --
insert into audit_tile (level, tile, hashes, root) values (%(level)s, %(tile)s, %(hashes)s, %(root)s);

-- log_state --
select origin, size from audit_log;

-- lock_unsigned --
-- The row's lock makes sizes grow and be signed one after the other. A log that is signed is not locked.
select origin, size
from audit_log
where size <> coalesce((select c.size from audit_checkpoint as c order by c.size desc limit 1), 0)
for update;

-- set_signed --
update audit_log set unsigned_since = null;

-- add_checkpoint --
-- Another sequencer may have signed the same size: the same tree, so its note is as good.
insert into audit_checkpoint (size, root, note) values (%(size)s, %(root)s, %(note)s)
on conflict (size) do nothing;

-- publish --
-- The newest checkpoint that has its quorum and is newer than what is published.
update audit_checkpoint
set published_at = clock_timestamp()
where size = (
    select c.size
    from audit_checkpoint as c
    where c.size > coalesce(
            (select p.size from audit_checkpoint as p where p.published_at is not null order by p.size desc limit 1),
            -1
        )
        and %(quorum)s <= (
            select count(*) from audit_cosignature as s where s.size = c.size and s.witness = any(%(witnesses)s)
        )
    order by c.size desc
    limit 1
)
returning size;

-- add_cosignature --
insert into audit_cosignature (size, witness, line) values (%(size)s, %(witness)s, %(line)s)
on conflict (size, witness) do nothing;

-- take_lead --
select pg_try_advisory_lock(%(lock)s);

-- give_up_lead --
select pg_advisory_unlock(%(lock)s);
