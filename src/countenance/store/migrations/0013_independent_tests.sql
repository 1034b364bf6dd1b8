-- The independent test interface (docs/adr/0027): testers, and the tests that they run.

-- An account of its own for each: it can call the operations of tests, and nothing else (core.cedar, TEST-001).
create table tester (
    account_id text primary key references account,
    organisation text not null check (length(organisation) between 1 and 128),
    added_by text not null check (length(added_by) between 1 and 128),
    added_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    samples_an_hour integer not null check (samples_an_hour > 0),
    tests_at_once integer not null check (tests_at_once > 0),
    most_samples integer not null check (most_samples > 0)
);

-- What was taken of a tester, a minute a row: it outlives the tests, so that deleting one buys nothing.
create table tester_use (
    account_id text not null references tester,
    minute timestamptz not null,
    samples integer not null check (samples > 0),
    primary key (account_id, minute)
);

-- What the tester said, and the figures, are sealed under the test's own key, outside the database.
create table independent_test (
    test_id uuid primary key,
    account_id text not null references tester,
    status text not null check (status in ('open', 'computing', 'finished', 'failed')),
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    face_model_version text not null,
    -- what every sample of it is made and judged with
    bound jsonb not null,
    sealed_declaration bytea not null,
    sealed_figures bytea
);
create index independent_test_by_account on independent_test (account_id, test_id);
create index independent_test_by_expiry on independent_test (expires_at);

-- Sealed: label, cohorts and template.
create table independent_test_sample (
    test_id uuid not null references independent_test on delete cascade,
    number integer not null check (number > 0),
    is_enrolled boolean not null,
    sealed bytea not null,
    primary key (test_id, number)
);
