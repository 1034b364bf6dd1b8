-- Signed evaluations of models (docs/adr/0026): who may sign one, which are on record, and that a call which
-- rests on one is not recorded once it counts no more.

-- Whose signatures on evaluations count, by an officer's decision; a key that is revoked counts no more for good.
create table evaluator (
    vkey text primary key,
    name text not null unique check (length(name) between 1 and 128),
    independent boolean not null,
    reason text not null check (length(reason) between 1 and 2048),
    trusted_by text not null,
    trusted_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz,
    revoked_by text,
    revoked_because text
);

-- `document` is the evaluation's canonical form, `note` what was signed. What stands beside them is for looking
-- up: what counts is read out of the document once its signature has been verified.
create table evaluation (
    evaluation_id uuid primary key default gen_random_uuid(),
    digest text not null check (digest ~ '^[0-9a-f]{64}$'),
    vkey text not null references evaluator,
    document text not null,
    note text not null,
    pack_name text not null,
    face_model_version text not null,
    pack_digest text not null,
    calibration_digest text not null,
    pipeline_digest text not null,
    data_digest text not null,
    made_at timestamptz not null,
    expires_at timestamptz not null check (expires_at > made_at),
    recorded_by text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    withdrawn_at timestamptz,
    withdrawn_by text,
    withdrawn_because text,
    unique (digest, vkey)
);
create index evaluation_by_version on evaluation (face_model_version, made_at);
create index evaluation_by_pack on evaluation (pack_digest);

-- Who ends an evaluation or an evaluator and who records a call that rests on one take turns.
create function evaluations_lock() returns bigint language sql immutable as $$
    select hashtextextended('evaluations', 0)
$$;

-- As in 0003, and besides: of the evaluations that the call rests on each must still count. The lock on them
-- comes before those on accounts: who ends an evaluation holds it, and asks for theirs afterwards.
create function record_in_force(
    call_event uuid, call_account text, call_key text, seen_standing text, seen_effective text,
    beneficiaries text[], evaluations uuid[], pseudonym bytea, call_entry bytea, call_sealed bytea,
    tags bytea[], commitments bytea[], touches bytea[],
    observed_purpose text, observed_kind text, observed bytea
) returns bigint language plpgsql as $$
begin
    if cardinality(evaluations) > 0 then
        perform pg_advisory_xact_lock_shared(evaluations_lock());
        if exists (
            select 1 from unnest(evaluations) as rested (evaluation_id)
            left join evaluation as e using (evaluation_id)
            left join evaluator as v using (vkey)
            where e.withdrawn_at is not null or v.revoked_at is not null
                or e.expires_at is null or e.expires_at <= clock_timestamp()
        ) then
            return 0;
        end if;
    end if;
    return record_in_force(
        call_event, call_account, call_key, seen_standing, seen_effective, beneficiaries, pseudonym,
        call_entry, call_sealed, tags, commitments, touches, observed_purpose, observed_kind, observed
    );
end
$$;
