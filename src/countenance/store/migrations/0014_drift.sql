-- How production's comparisons are spread, beside what the calibration states (docs/operations/drift.md): sums
-- over sampled comparisons, of a day, a collection and a calibration. No template, no face, no search.
create table drift_count (
    day date not null,
    collection_id uuid not null references collection on delete cascade,
    calibration bytea not null check (octet_length(calibration) = 32),
    -- as many as `countenance.evaluation.drift.SUMS`: a change of what is summed up empties the table
    sums bigint[] not null check (cardinality(sums) = 21 and array_position(sums, null) is null),
    primary key (collection_id, calibration, day)
);

-- A stated rate that was found not to hold, until it does again.
create table drift_alarm (
    collection_id uuid not null references collection on delete cascade,
    calibration bytea not null check (octet_length(calibration) = 32),
    exponent smallint not null,
    stated double precision not null,
    counted double precision not null,
    low double precision not null,
    high double precision not null,
    searches bigint not null,
    raised_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    primary key (collection_id, calibration, exponent)
);
