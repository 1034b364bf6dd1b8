-- list_jobs --
-- Numbers of jobs and whose they are, the newest first. A job has ids alone: whose it is, what it works on knows.
-- What was deleted since is nobody's any more, and so is the job.
select job_id, account_id
from (
    select
        job.id as job_id,
        job.status,
        coalesce(run.account_id, collection.account_id, test.account_id) as account_id
    from jobs.procrastinate_jobs as job
    left join import_run as run on run.import_id
        = case when job.args ? 'import_id' then (job.args ->> 'import_id')::uuid end
    left join collection on collection.collection_id
        = case when job.args ? 'collection_id' then (job.args ->> 'collection_id')::uuid end
    left join independent_test as test on test.test_id
        = case when job.args ? 'test_id' then (job.args ->> 'test_id')::uuid end
    where (%(before)s::bigint is null or job.id < %(before)s)
        and (%(job_id)s::bigint is null or job.id = %(job_id)s)
        and (%(with_ended)s or job.status in ('todo', 'doing', 'failed'))
) as owned
where %(account_id)s::text is null or account_id = %(account_id)s
order by job_id desc
limit %(limit)s
