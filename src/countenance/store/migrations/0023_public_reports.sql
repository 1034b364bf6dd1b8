-- Reports for the public, as they were published (docs/operations/reports.md). Whoever asks is given all of it.
-- Two reports over one day would tell by their difference what each of them withholds.
create table public_report (
    period_from date primary key,
    period_to date not null check (period_to > period_from),
    log_size bigint not null check (log_size > 0),
    root bytea not null check (octet_length(root) = 32),
    digest bytea not null check (octet_length(digest) = 32),
    report bytea not null check (octet_length(report) <= 16777216),
    page text not null,
    checkpoint text not null,
    published_at timestamptz not null default clock_timestamp(),
    exclude using gist (daterange(period_from, period_to) with &&)
);
