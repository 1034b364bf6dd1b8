-- list_days --
select day, outcome, calls
from call_count
where account = %(account)s and day > (now() at time zone 'UTC')::date - %(days)s::integer
order by day;

-- today --
select (now() at time zone 'UTC')::date;

-- list_newest --
-- The newest first, as bytes and nothing else: what judges them anew needs no openings.
select entry
from audit_entry
where account = %(account)s
order by log_index desc
limit %(limit)s;
