-- place_of_time --
-- By halves: where the log's entries begin to be of a time or later. Each look is at the middle one of nine entries
-- that lie together, so that a few of a wrong clock lead nobody astray. Of no account: only a place is told.
with recursive search (low, high) as (
    select 0::bigint, (select coalesce(max(log_index) + 1, 0) from audit_entry)
    union all
    select
        case when looked.at < %(time)s then middle + 1 else low end,
        case when looked.at < %(time)s then high else middle end
    from (select low, high, (low + high) / 2 as middle from search where low < high) as halves
    cross join lateral (
        select percentile_disc(0.5) within group (order by time) as at
        from (
            select substring(entry from position('"time":"'::bytea in entry) + 8 for 24) as time
            from audit_entry
            where log_index >= middle
            order by log_index
            limit %(looked_at)s
        ) as together
    ) as looked
)
select max(low) from search;

-- first_from --
select log_index
from audit_entry
where account = %(account)s and log_index >= %(place)s
    and substring(entry from position('"time":"'::bytea in entry) + 8 for 24) >= %(time)s
order by log_index
limit 1;

-- last_before --
select log_index
from audit_entry
where account = %(account)s and log_index < %(place)s
    and substring(entry from position('"time":"'::bytea in entry) + 8 for 24) < %(time)s
order by log_index desc
limit 1;
