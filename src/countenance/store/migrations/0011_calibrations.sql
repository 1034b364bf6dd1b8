-- Calibrations that an operator fitted, and which one of a pack is in force (docs/adr/0025).

-- Every one that was ever put on record, as its file said it. `document`: canonical JSON
-- (docs/spec/calibration.md). A pack is what makes templates: its digest and that of the pipeline's code.
create table calibration (
    calibration_id uuid primary key default gen_random_uuid(),
    pack_digest text not null check (pack_digest ~ '^[0-9a-f]{64}$'),
    pipeline_digest text not null check (pipeline_digest ~ '^[0-9a-f]{64}$'),
    version integer not null check (version >= 1),
    digest text not null check (digest ~ '^[0-9a-f]{64}$'),
    document bytea not null,
    recorded_at timestamptz not null default clock_timestamp(),
    unique (pack_digest, pipeline_digest, version),
    unique (pack_digest, pipeline_digest, digest)
);

-- Which is in force: the last row of a pack and pipeline; without a row, or with one that names no
-- calibration, the pack's own. So there is always exactly one.
create table calibration_choice (
    choice_id bigint generated always as identity primary key,
    pack_digest text not null check (pack_digest ~ '^[0-9a-f]{64}$'),
    pipeline_digest text not null check (pipeline_digest ~ '^[0-9a-f]{64}$'),
    calibration_id uuid references calibration,
    chosen_by text not null,
    reason text not null check (reason <> ''),
    accepted_difference boolean not null default false,
    chosen_at timestamptz not null default clock_timestamp()
);
create index calibration_choice_of_pack on calibration_choice (pack_digest, pipeline_digest, choice_id desc);

create trigger append_only before update or delete or truncate on calibration
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on calibration_choice
    for each statement execute function refuse_change();
