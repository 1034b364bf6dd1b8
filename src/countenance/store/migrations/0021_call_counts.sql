-- How many calls each account made, by day and outcome (docs/adr/0038): counted by the sequencer in the statement
-- that gives their entries a place, so that no page has to read a log of millions. No evidence: the log is.

create table call_count (
    account bytea not null, -- the pseudonym that stands in the entries
    day date not null, -- UTC, when they were recorded
    outcome text not null,
    calls bigint not null check (calls > 0),
    primary key (account, day, outcome)
);

-- Of an entry, byte for byte and not parsed, which would take longer than all else that gives it a place. Entries
-- are canonical JSON, where no text within a value can look like a member; and what is no JSON at all has none, so
-- that nothing that somebody put there stops the log.
create function outcome_of(entry bytea) returns text immutable strict parallel safe language sql as $$
    select case
        when position('"outcome":"answered"'::bytea in entry) > 0 then 'answered'
        when position('"outcome":"refused"'::bytea in entry) > 0 then 'refused'
        when position('"outcome":"withheld"'::bytea in entry) > 0 then 'withheld'
        when position('"outcome":"failed"'::bytea in entry) > 0 then 'failed'
    end
$$;

-- What the log has already. An entry has no time of its own but that of its call.
insert into call_count (account, day, outcome, calls)
select account, day::date, outcome, count(*)
from (
    select
        account,
        outcome_of(entry) as outcome,
        convert_from(substring(entry from position('"time":"'::bytea in entry) + 8 for 10), 'LATIN1') as day
    from audit_entry
    where account is not null
) as counted
where outcome is not null and day ~ '^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8]|29|30|31)$'
group by account, day::date, outcome;
