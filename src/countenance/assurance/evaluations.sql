-- lock_evaluations --
-- Whoever ends what calls rest on waits for those that are being recorded, and they for it.
select pg_advisory_xact_lock(evaluations_lock());

-- trust_evaluator --
insert into evaluator (vkey, name, independent, reason, trusted_by)
values (%(vkey)s, %(name)s, %(independent)s, %(reason)s, %(by)s)
on conflict do nothing;

-- list_evaluators --
select vkey, name, independent, reason, trusted_by, trusted_at, revoked_at, revoked_by, revoked_because
from evaluator
order by name;

-- revoke_evaluator --
update evaluator
set revoked_at = clock_timestamp(), revoked_by = %(by)s, revoked_because = %(reason)s
where name = %(name)s and revoked_at is null
returning vkey;

-- record_evaluation --
insert into evaluation (
    digest, vkey, document, note, pack_name, face_model_version, pack_digest, calibration_digest, pipeline_digest,
    data_digest, made_at, expires_at, recorded_by
)
select
    %(digest)s, %(vkey)s, %(document)s, %(note)s, %(pack_name)s, %(face_model_version)s, %(pack_digest)s,
    %(calibration_digest)s, %(pipeline_digest)s, %(data_digest)s, %(made_at)s, %(expires_at)s, %(by)s
-- what was withdrawn stays so, whoever else has signed it
where not exists (select 1 from evaluation where digest = %(digest)s and withdrawn_at is not null)
on conflict (digest, vkey) do nothing
returning evaluation_id;

-- withdraw_evaluation --
update evaluation
set withdrawn_at = clock_timestamp(), withdrawn_by = %(by)s, withdrawn_because = %(reason)s
where evaluation_id = %(evaluation_id)s and withdrawn_at is null
returning digest;

-- list_evaluations --
-- Of all, or one of them: the newest first.
select
    e.evaluation_id, e.digest, v.name, v.independent, v.revoked_at is not null, e.pack_name, e.face_model_version,
    e.pack_digest, e.calibration_digest, e.pipeline_digest, e.data_digest, e.made_at, e.expires_at,
    e.recorded_by, e.recorded_at, e.withdrawn_at, e.withdrawn_because
from evaluation as e
join evaluator as v using (vkey)
where %(evaluation_id)s::uuid is null or e.evaluation_id = %(evaluation_id)s
order by e.made_at desc, e.recorded_at desc, e.evaluation_id;

-- find_for_model --
-- Of a model, those of exactly this one first, and of them those that count: there may be many of before.
-- `xmin` changes with whatever changes the row, so what was read of it once need not be read again.
select
    e.evaluation_id, e.xmin::text, v.vkey, v.independent, v.revoked_at is not null, e.withdrawn_at is not null,
    e.pack_digest, e.calibration_digest, e.pipeline_digest, e.made_at, e.expires_at
from evaluation as e
join evaluator as v using (vkey)
where e.face_model_version = %(version)s or e.pack_digest = %(pack)s
order by
    (e.pack_digest = %(pack)s and e.calibration_digest = %(calibration)s and e.pipeline_digest = %(pipeline)s)
        desc,
    (e.withdrawn_at is null and v.revoked_at is null and e.expires_at > %(now)s) desc,
    e.made_at desc, e.recorded_at desc, e.evaluation_id
limit 64;

-- read_signed --
select document, note from evaluation where evaluation_id = %(evaluation_id)s;

-- find_told --
-- One whose rates a published report tells: in its one encoding (RFC 8785) that is written so, and nothing else is.
select document from evaluation
where digest = %(digest)s and exists (
    select from public_report
    where position(convert_to('"evaluation":"' || %(digest)s || '","is_in_force":', 'UTF8') in report) > 0
)
limit 1;
