-- Users made one, and apart again: see merging.py. Locks in the order of queries.sql: the collection, subjects by id,
-- faces by id, then what goes with them.

-- lock_faces_of_users --
select face_id from face
where collection_id = %(collection_id)s and user_id = any(%(user_ids)s::text[])
order by face_id
for update;

-- insert_merge --
insert into user_merge (
    merge_id, collection_id, source_user_id, source_import_id, target_user_id, faces, merged_by
)
values (
    %(merge_id)s, %(collection_id)s, %(source)s, %(source_import_id)s, %(target)s,
    cardinality(%(source_faces)s::uuid[]), %(by)s
);

-- note_merged_faces --
insert into user_merge_face (merge_id, collection_id, face_id)
select %(merge_id)s, %(collection_id)s, unnest(%(source_faces)s::uuid[]);

-- note_merged_rejections --
insert into user_merge_rejection (merge_id, collection_id, face_id, of_both, reason, rejected_by, rejected_at)
select
    %(merge_id)s, r.collection_id, r.face_id,
    exists (
        select 1 from rejection as o
        where o.collection_id = r.collection_id and o.face_id = r.face_id and o.rejected_user_id = %(target)s
    ),
    r.reason, r.rejected_by, r.rejected_at
from rejection as r
where r.collection_id = %(collection_id)s and r.rejected_user_id = %(source)s;

-- drop_rejections_of_both --
-- One stands already, and is enough for the one user that there will be.
delete from rejection as r
using user_merge_rejection as m
where m.merge_id = %(merge_id)s and m.of_both
    and r.collection_id = m.collection_id and r.face_id = m.face_id and r.rejected_user_id = %(source)s;

-- move_rejections --
update rejection set rejected_user_id = %(target)s
where collection_id = %(collection_id)s and rejected_user_id = %(source)s;

-- bind_codes_to_faces --
-- Whoever has a code has it for their own faces, and for nobody's whom they are taken to be.
with bound as (
    update enrolment_code set face_ids = %(source_faces)s::uuid[], user_id = null, user_made_at = null
    where collection_id = %(collection_id)s and revoked_at is null
        and user_id = %(source)s and user_made_at = %(source_made_at)s
    returning code_id
)
insert into user_merge_code (merge_id, code_id) select %(merge_id)s, code_id from bound;

-- forget_merges_of --
delete from user_merge
where collection_id = %(collection_id)s and merged_at < clock_timestamp() - make_interval(days => %(days)s);

-- forget_merges --
delete from user_merge where merged_at < clock_timestamp() - make_interval(days => %(days)s);

-- lock_merge --
select
    m.source_user_id, m.source_import_id, m.target_user_id, m.faces, m.merged_at, m.undone_at,
    array(select f.face_id from user_merge_face as f where f.merge_id = m.merge_id order by f.face_id),
    m.merged_at < clock_timestamp() - make_interval(days => %(days)s)
from user_merge as m
where m.collection_id = %(collection_id)s and m.merge_id = %(merge_id)s
for update;

-- insert_subject_again --
insert into subject (collection_id, user_id, import_id)
values (%(collection_id)s, %(source)s, %(source_import_id)s)
on conflict (collection_id, user_id) do nothing
returning created_at;

-- lock_rejections_of --
select ordinal from rejection
where collection_id = %(collection_id)s and rejected_user_id = %(target)s
order by ordinal
for update;

-- give_rejections_back --
update rejection as r set rejected_user_id = %(source)s
from user_merge_rejection as m
where m.merge_id = %(merge_id)s and not m.of_both
    and r.collection_id = m.collection_id and r.face_id = m.face_id and r.rejected_user_id = %(target)s
    and r.rejected_at = m.rejected_at;

-- repeat_rejections --
-- Of both users before the merge and still; or made since, when the two were one: of neither is it that person.
insert into rejection (collection_id, face_id, rejected_user_id, reason, rejected_by, rejected_at)
select
    r.collection_id, r.face_id, %(source)s, coalesce(m.reason, r.reason), coalesce(m.rejected_by, r.rejected_by),
    coalesce(m.rejected_at, r.rejected_at)
from rejection as r
left join user_merge_rejection as m
    on m.merge_id = %(merge_id)s and m.of_both and m.collection_id = r.collection_id and m.face_id = r.face_id
where r.collection_id = %(collection_id)s and r.rejected_user_id = %(target)s
    and (m.merge_id is not null or r.rejected_at > %(merged_at)s)
    and not r.face_id = any(%(returned)s::uuid[])
on conflict do nothing;

-- bind_codes_to_user --
update enrolment_code as e set face_ids = '{}', user_id = %(source)s, user_made_at = %(source_made_at)s
from user_merge_code as m
where m.merge_id = %(merge_id)s and e.code_id = m.code_id and e.revoked_at is null;

-- settle_merge --
update user_merge set undone_at = clock_timestamp(), undone_by = %(by)s where merge_id = %(merge_id)s;

-- list_merges --
select
    m.ordinal, m.merge_id, m.source_user_id, m.target_user_id, m.faces,
    (
        select count(*) from user_merge_face as g
        join face as f using (collection_id, face_id)
        where g.merge_id = m.merge_id and f.user_id = m.target_user_id
    ),
    m.merged_by, m.merged_at, m.merged_at + make_interval(days => %(days)s), m.undone_by, m.undone_at
from user_merge as m
where m.collection_id = %(collection_id)s and m.ordinal > %(after)s
    and m.merged_at >= clock_timestamp() - make_interval(days => %(days)s)
    and (
        %(user_id)s::text is null or m.source_user_id = %(user_id)s::text or m.target_user_id = %(user_id)s::text
    )
order by m.ordinal
limit %(limit)s;
