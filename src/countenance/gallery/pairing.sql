-- Two users beside each other: see pairing.py. Reads, and locks nothing.

-- read_faces_of_users --
-- In order of enrolment, with the templates of the model in use; null where there is none.
select
    f.face_id, f.user_id,
    case when f.model_slot = c.model_slot then f.key_generation else s.key_generation end,
    case when f.model_slot = c.model_slot then f.sealed_template else s.sealed_template end
from face as f
join collection as c using (collection_id)
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
where f.collection_id = %(collection_id)s and f.user_id = any(%(user_ids)s::text[])
order by f.ordinal;

-- find_subjects --
select user_id, created_at, import_id from subject
where collection_id = %(collection_id)s and user_id = any(%(user_ids)s::text[]);

-- list_rejections_between --
select ordinal, face_id, rejected_user_id, rejected_face_id, reason, rejected_by, rejected_at
from rejection
where collection_id = %(collection_id)s and (
    (face_id = any(%(source_faces)s::uuid[])
        and (rejected_user_id = %(target)s or rejected_face_id = any(%(target_faces)s::uuid[])))
    or (face_id = any(%(target_faces)s::uuid[])
        and (rejected_user_id = %(source)s or rejected_face_id = any(%(source_faces)s::uuid[])))
)
order by ordinal;

-- count_open_requests --
-- Of the people whom the two users stand for, by the user: what is decided must be about whom it was asked by.
select count(*)
from subject_request as r
join subject as s on s.collection_id = r.collection_id and s.user_id = r.user_id and s.created_at = r.user_made_at
where r.collection_id = %(collection_id)s and r.status = 'open' and r.user_id = any(%(user_ids)s::text[]);
