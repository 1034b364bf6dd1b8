-- report --
insert into jobs.progress (job_id, done, total, note)
values (%(job_id)s, %(done)s, %(total)s, %(note)s)
on conflict (job_id) do update set
    done = excluded.done,
    total = excluded.total,
    note = excluded.note,
    at = excluded.at,
    deaths = case when excluded.done > progress.done then 0 else progress.deaths end

-- find_progress --
select done, failures, error from jobs.progress where job_id = %(job_id)s

-- fail --
-- Nothing where another worker has the job by now.
insert into jobs.progress (job_id, failures, error, error_at)
select id, 1, %(error)s, clock_timestamp()
from jobs.procrastinate_jobs
where id = %(job_id)s and worker_id = %(worker_id)s and status = 'doing'
on conflict (job_id) do update set
    failures = progress.failures + 1,
    error = excluded.error,
    error_at = excluded.error_at

-- explain --
insert into jobs.progress (job_id, error, error_at)
values (%(job_id)s, %(error)s, clock_timestamp())
on conflict (job_id) do update set error = excluded.error, error_at = excluded.error_at

-- begin_anew --
update jobs.progress set failures = 0, deaths = 0 where job_id = %(job_id)s

-- find_waiting --
select id from jobs.procrastinate_jobs where queueing_lock = %(queueing_lock)s and status = 'todo'

-- hasten --
-- One that waits for its next try has it now.
update jobs.procrastinate_jobs set scheduled_at = now()
where id = %(job_id)s and status = 'todo' and scheduled_at > now()

-- list_jobs --
select
    job.id, job.task_name, job.args, job.queue_name,
    case
        when job.status = 'doing' and job.abort_requested then 'stopping'
        else job.status::text
    end,
    (select min(event.at) from jobs.procrastinate_events as event
        where event.job_id = job.id and event.type = 'deferred'),
    (select max(event.at) from jobs.procrastinate_events as event
        where event.job_id = job.id and event.type = 'started'),
    (select max(event.at) from jobs.procrastinate_events as event
        where event.job_id = job.id and event.type in ('succeeded', 'failed', 'cancelled', 'aborted')
            and job.status not in ('todo', 'doing')),
    case when job.status = 'todo' then job.scheduled_at end,
    progress.done, progress.total, progress.note, progress.at,
    progress.failures, progress.error, progress.error_at
from jobs.procrastinate_jobs as job
left join jobs.progress on progress.job_id = job.id
where (%(job_ids)s::bigint[] is null or job.id = any (%(job_ids)s))
    and (%(with_ended)s or job.status in ('todo', 'doing', 'failed'))
order by job.id

-- figures --
-- How many there are of each kind, and since when the oldest that could run has waited.
select
    job.status::text,
    count(*),
    extract(epoch from min(coalesce(job.scheduled_at, event.at)) filter (
        where job.status = 'todo' and (job.scheduled_at is null or job.scheduled_at <= now())
    ))::float8
from jobs.procrastinate_jobs as job
left join jobs.procrastinate_events as event on event.job_id = job.id and event.type = 'deferred'
group by job.status

-- lock_deserted --
-- Jobs of workers that are gone: their session with the database ended, and their heart stopped a while ago.
select job.id, job.abort_requested
from jobs.procrastinate_jobs as job
where job.status = 'doing' and not exists (
    select from jobs.procrastinate_workers as worker
    where worker.id = job.worker_id and (
        worker.last_heartbeat > now() - make_interval(secs => %(patience_s)s)
        or exists (
            select from pg_locks
            where locktype = 'advisory' and granted and classid = %(lock_class)s and objsubid = 2
                and objid = (worker.id %% 2147483648)::oid
                and database = (select oid from pg_database where datname = current_database())
        )
    )
)
order by job.id
for update of job skip locked

-- count_death --
insert into jobs.progress (job_id, deaths)
values (%(job_id)s, 1)
on conflict (job_id) do update set deaths = progress.deaths + 1
returning deaths

-- forget_dead_workers --
delete from jobs.procrastinate_workers as worker
where worker.last_heartbeat < now() - make_interval(secs => %(patience_s)s)
    and not exists (
        select from pg_locks
        where locktype = 'advisory' and granted and classid = %(lock_class)s and objsubid = 2
            and objid = (worker.id %% 2147483648)::oid
            and database = (select oid from pg_database where datname = current_database())
    )

-- count_workers --
-- That live, and would take up what waits.
select count(*) from pg_locks
where locktype = 'advisory' and granted and classid = %(lock_class)s and objsubid = 2
    and database = (select oid from pg_database where datname = current_database())

-- forget_superseded --
with superseded as (
    delete from jobs.procrastinate_jobs
    where status = 'failed' and queueing_lock = %(queueing_lock)s and id < %(job_id)s
    returning id
)
delete from jobs.progress where job_id in (select id from superseded)

-- forget_ended --
with ended as (
    select job.id from jobs.procrastinate_jobs as job
    where job.status not in ('todo', 'doing')
        and not exists (
            select from jobs.procrastinate_events as event
            where event.job_id = job.id and event.at > now() - %(kept)s::interval
        )
    order by job.id
    limit %(limit)s
),
forgotten as (
    delete from jobs.progress where job_id in (select id from ended)
)
delete from jobs.procrastinate_jobs where id in (select id from ended)
