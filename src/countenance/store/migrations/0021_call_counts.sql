-- How many calls each account made, by day and outcome (docs/adr/0038): counted by the sequencer in the statement
-- that gives their entries a place, so that no page has to read a log of millions. No evidence: the log is.

create table call_count (
    account bytea not null, -- the pseudonym that stands in the entries
    day date not null, -- UTC, when they were recorded
    outcome text not null,
    calls bigint not null check (calls > 0),
    primary key (account, day, outcome)
);

-- Of an entry, byte for byte. Entries are canonical JSON, where no text within a value can look like a member; and
-- what is no JSON at all has neither, so that nothing that somebody put there stops the log.
create function outcome_of(entry bytea) returns text immutable strict parallel safe language sql as $$
    select substring(encode(entry, 'escape') from '"outcome":"(answered|withheld|refused|failed)"')
$$;

-- What the log has already. An entry has no time of its own but that of its call.
insert into call_count (account, day, outcome, calls)
select account, day::date, outcome, count(*)
from (
    select
        account,
        outcome_of(entry) as outcome,
        substring(encode(entry, 'escape')
            from '"time":"(20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8]|29|30|31))T') as day
    from audit_entry
    where account is not null
) as counted
where outcome is not null and day is not null
group by account, day::date, outcome;
