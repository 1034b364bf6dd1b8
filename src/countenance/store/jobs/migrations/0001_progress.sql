-- What we keep of a job beside procrastinate's row of it. Without a reference to that table: it is not ours, and a
-- job that was forgotten takes this with it in the same transaction.
create table progress (
    job_id bigint primary key,
    done bigint not null default 0 check (done >= 0),
    total bigint check (total >= 0),
    note text not null default '',
    at timestamptz not null default clock_timestamp(),
    -- how often it failed, and how often the process that ran it ended under it since it last came further
    failures integer not null default 0,
    deaths integer not null default 0,
    error text,
    error_at timestamptz
);
