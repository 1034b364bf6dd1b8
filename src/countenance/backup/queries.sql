-- list_keys --
select
    collection_id::text,
    -- What its templates need beside its own key, by the ends of the names of files.
    array_remove(
        array[
            '.' || nullif(key_generation, 0),
            '.basis-' || nullif(basis, 0),
            case
                when earlier_basis <> basis and (
                    exists (
                        select 1 from face as f
                        where f.collection_id = c.collection_id and f.key_generation < c.basis_since
                    )
                    or exists (
                        select 1 from shadow_template as s
                        where s.collection_id = c.collection_id and s.key_generation < c.basis_since
                    )
                )
                then '.basis-' || nullif(earlier_basis, 0)
            end
        ],
        null
    )
from collection as c;

-- list_log_keys --
select vkey from audit_key where use = 'log' order by key_id;

-- read_log --
select origin, size, (select vkey from audit_key where use = 'log' order by key_id desc limit 1) from audit_log;

-- find_collection --
select collection_id, account_id, name, region, face_model_version, dimensions, created_at
from collection
where collection_id = %(collection_id)s;

-- list_collections --
select collection_id, account_id, name, region, face_model_version, dimensions, created_at
from collection
order by collection_id;

-- read_faces --
select face_id, key_generation, sealed_template, model_slot from face where collection_id = %(collection_id)s;

-- read_shadow_templates --
select s.face_id, s.key_generation, s.sealed_template, (1 - f.model_slot)::smallint
from shadow_template as s
join face as f using (collection_id, face_id)
where s.collection_id = %(collection_id)s;

-- read_crops --
select face_id, key_generation, sealed_crop from vault_crop where collection_id = %(collection_id)s;

-- list_users --
select user_id, created_at from subject where collection_id = %(collection_id)s order by user_id;

-- forget_objection --
delete from objection where objection_id = %(objection_id)s::uuid returning account_id;

-- withdraw_consent --
-- Of an account that the backup knows; a consent that it does not know is put, withdrawn.
insert into consent (
    consent_id, account_id, digest, sealed_reference, recorded_by, recorded_at, withdrawn_at, withdrawn_by
)
select
    %(consent_id)s, a.account_id, %(digest)s, %(sealed_reference)s, told.by, %(at)s, %(at)s, told.by
from account as a, (select 'as the list of what was erased has it' as by) as told
where a.account_id = %(account_id)s
on conflict (account_id, digest) do update set
    withdrawn_at = excluded.withdrawn_at, withdrawn_by = excluded.withdrawn_by
where consent.withdrawn_at is null
returning account_id;

-- release_erased --
-- Who was erased since was held no more by then: a hold that the backup brought back holds nobody back.
delete from legal_hold_face
where collection_id = %(collection_id)s
    and (%(face_ids)s::uuid[] is null or face_id = any(%(face_ids)s::uuid[]));
