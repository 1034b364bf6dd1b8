-- list_days --
select day, outcome, calls
from call_count
where account = %(account)s and day > (now() at time zone 'UTC')::date - %(days)s::integer
order by day;

-- today --
select (now() at time zone 'UTC')::date;

-- list_before --
-- The newest first, as bytes and nothing else: what judges them anew needs no openings.
select log_index, entry
from audit_entry
where account = %(account)s and log_index < %(before)s and log_index >= %(first)s
order by log_index desc
limit %(limit)s;

-- count_around --
-- How many there are from a place on, and how many before it.
select count(*) filter (where log_index >= %(place)s), count(*) filter (where log_index < %(place)s)
from audit_entry
where account = %(account)s and log_index >= %(first)s;
