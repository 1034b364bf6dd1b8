-- figures --
select
    (select size from audit_log),
    count(*),
    extract(epoch from min(recorded_at))::float8,
    (select extract(epoch from signed_at)::float8 from audit_checkpoint order by size desc limit 1),
    (
        select extract(epoch from published_at)::float8
        from audit_checkpoint
        where published_at is not null
        order by size desc
        limit 1
    )
from audit_event;

-- cosigned --
-- Of the latest alone: a witness that has been silent for longer was told before, and its age goes on growing.
select witness, max(size), extract(epoch from max(received_at))::float8
from (select witness, size, received_at from audit_cosignature order by size desc limit 1000) as latest
group by witness;

-- alarms --
-- Of those behind a place: how many are alarms, and the last. No caller writes such an entry: it has no account.
select count(*) filter (where position('"kind":"alarm"'::bytea in entry) > 0), max(log_index)
from audit_entry
where account is null and log_index > %(after)s;
