-- publish --
insert into public_report (period_from, period_to, log_size, root, digest, report, page, checkpoint)
values (
    %(start)s, %(end)s, %(log_size)s, %(root)s, %(digest)s, %(report)s, %(page)s, %(checkpoint)s
)
on conflict do nothing;

-- withdraw --
delete from public_report where period_from = %(start)s returning digest;

-- list_published --
select period_from, period_to, log_size, root, digest, published_at from public_report order by period_from desc;

-- find_published --
select period_from, period_to, log_size, root, digest, published_at, report, page, checkpoint
from public_report
where period_from = coalesce(%(start)s, (select max(period_from) from public_report));
