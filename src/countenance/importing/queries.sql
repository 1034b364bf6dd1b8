-- The ledger of imports.

-- begin --
insert into import_run (import_id, account_id, collection, request, state)
values (%(import_id)s, %(account_id)s, %(collection)s, %(request)s, 'running');

-- add_items --
copy import_item (import_id, item, path, external_image_id, user_id, box, verdict, detail) from stdin;

-- list_runs --
select import_id, account_id, collection, request, state, problem, begun_at, ended_at, worked_s
from import_run
where %(import_id)s::uuid is null or import_id = %(import_id)s
order by begun_at desc;

-- progress --
select verdict, count(*) from import_item where import_id = %(import_id)s group by verdict;

-- list_to_do --
select item, path, external_image_id, user_id, box, detail
from import_item
where import_id = %(import_id)s and verdict is null and item > %(after)s
order by item
limit %(limit)s;

-- hold_others --
-- Of faces that photos were judged by, those that are there still, and stay until the transaction ends: who is
-- erased meanwhile is not written down after the ledger forgot them.
select f.face_id
from import_run as r
join collection as c on c.account_id = r.account_id and c.name = r.collection
join face as f on f.collection_id = c.collection_id and f.face_id = any(%(face_ids)s::uuid[])
where r.import_id = %(import_id)s
order by f.face_id
for key share of f;

-- hold_items --
select 1 from import_item where import_id = %(import_id)s and item = any(%(items)s::integer[]) order by item for update;

-- save_outcomes --
-- The first word stands: of two importers that were at one photo, both were answered the same.
update import_item as i set
    verdict = given.verdict, reasons = string_to_array(given.reasons, ' '), detail = given.detail,
    faces_found = given.faces_found, face_id = given.face_id, user_created = given.user_created,
    other_face_id = given.other_face_id, other_external_image_id = given.other_external_image_id,
    other_user_id = given.other_user_id, similarity = given.similarity, sha256 = given.sha256,
    done_at = clock_timestamp(),
    path = case when given.is_nameless then '' else i.path end,
    external_image_id = case when given.is_nameless then '' else i.external_image_id end,
    user_id = case when given.is_nameless then null else i.user_id end,
    box = case when given.is_nameless then null else i.box end
from unnest(
    %(items)s::integer[], %(verdicts)s::text[], %(reasons)s::text[], %(details)s::text[],
    %(faces_found)s::integer[], %(face_ids)s::uuid[], %(users_created)s::boolean[],
    %(other_face_ids)s::uuid[], %(other_external_image_ids)s::text[], %(other_user_ids)s::text[],
    %(similarities)s::real[], %(digests)s::bytea[], %(nameless)s::boolean[]
) as given (
    item, verdict, reasons, detail, faces_found, face_id, user_created,
    other_face_id, other_external_image_id, other_user_id, similarity, sha256, is_nameless
)
where i.import_id = %(import_id)s and i.item = given.item and i.verdict is null;

-- change_state --
update import_run set
    state = %(state)s, problem = %(problem)s, worked_s = worked_s + %(worked_s)s,
    ended_at = case when %(state)s in ('finished', 'undone') then clock_timestamp() end
where import_id = %(import_id)s and state = any(%(from_states)s);

-- read_state --
select state from import_run where import_id = %(import_id)s;

-- tell --
select
    item, path, external_image_id, user_id, box, verdict, reasons, detail, faces_found, face_id, user_created,
    other_face_id, other_external_image_id, other_user_id, similarity, sha256
from import_item
where import_id = %(import_id)s
order by item;

-- list_enrolled_digests --
select sha256, external_image_id, user_id from import_item
where import_id = %(import_id)s and verdict = 'ENROLLED' and sha256 is not null
order by item;

-- examples --
select verdict, path, detail
from (
    select verdict, path, detail, row_number() over (partition by verdict order by item) as place
    from import_item
    where import_id = %(import_id)s and verdict is not null and verdict <> 'ENROLLED'
) as ranked
where place <= %(most)s
order by verdict, place;

-- take_back --
update import_item set verdict = 'TAKEN_BACK'
where import_id = %(import_id)s and verdict = 'ENROLLED' and face_id = any(%(face_ids)s);

-- take_back_rest --
update import_item set verdict = 'TAKEN_BACK' where import_id = %(import_id)s and verdict = 'ENROLLED';

-- hold_run --
select pg_try_advisory_lock(4, hashtext(%(import_id)s::text));

-- let_go_of_run --
select pg_advisory_unlock(4, hashtext(%(import_id)s::text));

-- forget --
delete from import_run where import_id = %(import_id)s and state = any(%(from_states)s);

-- note_thumbnails --
update import_run set thumbnails = %(folder)s, thumbnails_until = %(until)s where import_id = %(import_id)s;

-- list_old_thumbnails --
select import_id, thumbnails from import_run
where thumbnails is not null and thumbnails_until < clock_timestamp();

-- forget_thumbnails --
update import_run set thumbnails = null, thumbnails_until = null where import_id = %(import_id)s;
