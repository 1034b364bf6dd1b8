-- standing --
-- What waits is counted by its index: the table is full of rows that were moved until it is vacuumed.
select
    l.origin,
    l.size,
    clock_timestamp(),
    (
        select count(*)
        from (select from audit_event order by recorded_at, event_id limit %(most_pending)s) as waiting
    ),
    (select min(recorded_at) from audit_event),
    signed.size,
    signed.signed_at,
    published.size,
    published.published_at,
    (select min(signed_at) from audit_checkpoint where size > coalesce(published.size, -1))
from audit_log as l
left join lateral (
    select size, signed_at from audit_checkpoint order by size desc limit 1
) as signed on true
left join lateral (
    select size, published_at from audit_checkpoint where published_at is not null order by size desc limit 1
) as published on true;

-- cosigned --
-- Of the latest, and of each witness that is asked about however long ago.
select witness, max(size), max(received_at)
from (
    (select witness, size, received_at from audit_cosignature order by size desc limit 1000)
    union all
    select asked.witness, latest.size, latest.received_at
    from unnest(%(witnesses)s::text[]) as asked (witness)
    cross join lateral (
        select size, received_at
        from audit_cosignature
        where audit_cosignature.witness = asked.witness
        order by size desc
        limit 1
    ) as latest
) as found
group by witness
order by witness;

-- statements --
-- Of these kinds, the newest last. No caller writes them: their entries have no account. What waits is looked
-- through by its index, as it is counted.
select log_index, entry
from (
    (select log_index, null::timestamptz as recorded_at, entry from audit_entry where account is null order by log_index desc limit %(newest)s)
    union all
    select null, recorded_at, entry
    from (
        select account, recorded_at, entry
        from audit_event
        order by recorded_at desc, event_id desc
        limit %(most_pending)s
    ) as waiting
    where account is null
) as unowned
where position('"kind":"alarm"'::bytea in entry) > 0 or position('"kind":"reconciliation"'::bytea in entry) > 0
order by log_index nulls last, recorded_at;
