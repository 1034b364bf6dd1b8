-- find_in_force --
-- One index entry; no row where nothing was ever chosen.
select calibration_id
from calibration_choice
where pack_digest = %(pack_digest)s and pipeline_digest = %(pipeline_digest)s
order by choice_id desc
limit 1

-- read_calibration --
select document, version, digest from calibration where calibration_id = %(calibration_id)s

-- lock_choices --
select pg_advisory_xact_lock(hashtextextended('calibrations', 0))

-- find_recorded --
select calibration_id, version
from calibration
where pack_digest = %(pack_digest)s and pipeline_digest = %(pipeline_digest)s and digest = %(digest)s

-- record --
insert into calibration (pack_digest, pipeline_digest, version, digest, document)
select
    %(pack_digest)s, %(pipeline_digest)s, coalesce(max(version), 0) + 1, %(digest)s, %(document)s
from calibration
where pack_digest = %(pack_digest)s and pipeline_digest = %(pipeline_digest)s
returning calibration_id, version

-- choose --
insert into calibration_choice
    (pack_digest, pipeline_digest, calibration_id, chosen_by, reason, accepted_difference)
values
    (
        %(pack_digest)s, %(pipeline_digest)s, %(calibration_id)s, %(by)s, %(reason)s, %(accepted_difference)s
    )

-- list_choices --
select
    c.pack_digest, c.pipeline_digest, k.version, k.digest, c.chosen_by, c.reason, c.accepted_difference,
    c.chosen_at,
    c.choice_id = max(c.choice_id) over (partition by c.pack_digest, c.pipeline_digest)
from calibration_choice as c
left join calibration as k using (calibration_id)
order by c.choice_id desc
