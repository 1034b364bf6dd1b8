-- Galleries. Every write begins with `hold_collection` (or `lock_collection`), then takes the subject's
-- row, then faces in the order of their ids: one order for all, so that nobody waits in a circle.

-- insert_collection --
insert into collection (
    collection_id, account_id, name, region, face_model_version, dimensions, basis, earlier_basis
)
values (
    %(collection_id)s, %(account_id)s, %(name)s, %(region)s, %(face_model_version)s, %(dimensions)s,
    %(basis)s, %(basis)s
)
on conflict (account_id, region, name) do nothing
returning collection_id, account_id, name, region, face_model_version, dimensions, created_at

-- find_collection --
select collection_id, account_id, name, region, face_model_version, dimensions, created_at
from collection
where account_id = %(account_id)s and region = %(region)s and name = %(name)s

-- find_named --
select collection_id, account_id, name, region, face_model_version, dimensions, created_at
from collection
where region = %(region)s and name = %(name)s
order by account_id

-- list_collections --
select collection_id, account_id, name, region, face_model_version, dimensions, created_at
from collection
where account_id = %(account_id)s and region = %(region)s and name > %(after)s
order by name
limit %(limit)s

-- list_all_collections --
select collection_id, account_id, name, region, face_model_version, dimensions, created_at
from collection
where (%(account_id)s::text is null or account_id = %(account_id)s)
    and (%(name)s::text is null or name = %(name)s)
order by account_id, region, name

-- describe_collection --
-- As triggers keep it (migration 0020): exact, and no counting of millions.
select coalesce(sum(s.faces), 0)::bigint, coalesce(sum(s.users), 0)::bigint
from collection as c
left join gallery_size as s using (collection_id)
where c.collection_id = %(collection_id)s
group by c.collection_id

-- hold_collection --
-- Shared: writers do not wait for one another, only a deletion waits for them and they for it, and a change of the
-- model, whose turn comes among theirs (gallery_lock).
select key_generation
from collection, pg_advisory_xact_lock_shared(gallery_lock(%(collection_id)s)) as turn
where collection_id = %(collection_id)s
for key share of collection

-- read_held --
-- With the most faces that the charter allows: null without one.
select c.key_generation, c.basis, c.basis_since, c.earlier_basis, c.face_model_version, h.face_cap
from collection as c
left join charter as h using (collection_id)
where c.collection_id = %(collection_id)s;

-- lock_collection --
-- One at a time among those who ask for this, beside any number who hold the collection.
select key_generation from collection where collection_id = %(collection_id)s for no key update

-- claim_collection --
select key_generation from collection where collection_id = %(collection_id)s for update

-- begin_whole_collection --
-- What goes with its collection is noted as the collection (migration 0005).
select set_config('countenance.whole_collection', 'on', true)

-- end_whole_collection --
select set_config('countenance.whole_collection', 'off', true)

-- delete_faces_of_collection --
delete from face where collection_id = %(collection_id)s

-- delete_collection --
delete from collection where collection_id = %(collection_id)s

-- Finality: see finality.py.

-- next_generation --
update collection set key_generation = key_generation + 1
where collection_id = %(collection_id)s
returning key_generation;

-- use_basis --
-- In the copies of every process at one moment: another epoch, as after a change of the model (docs/adr/0022).
update collection set
    earlier_basis = basis, basis = %(basis)s, basis_since = %(key_generation)s, basis_at = clock_timestamp(),
    model_epoch = model_epoch + 1
where collection_id = %(collection_id)s;

-- settle_basis --
-- Nothing is left that was sealed before that generation.
update collection set earlier_basis = basis
where collection_id = %(collection_id)s and basis_since <= %(key_generation)s and earlier_basis <> basis
returning basis;

-- list_bases --
select
    collection_id, account_id, name, region, face_model_version, dimensions, created_at,
    basis <> 0, basis_at, earlier_basis <> basis
from collection
where (%(account_id)s::text is null or account_id = %(account_id)s)
    and (%(name)s::text is null or name = %(name)s)
order by account_id, region, name;

-- hold_off_copies --
-- Waits while somebody copies keys that belong to a snapshot, and lets nobody begin (store/key_copying.py).
select pg_advisory_xact_lock(%(lock)s);

-- read_generation --
select key_generation, basis, basis_since, earlier_basis, model_epoch, face_model_version
from collection
where collection_id = %(collection_id)s;

-- has_erasures_under --
select exists (
    select 1 from pending_erasure
    where collection_id = %(collection_id)s and key_generation = %(key_generation)s
);

-- lock_faces_of_old_generations --
select face_id, model_slot, key_generation, sealed_template
from face
where collection_id = %(collection_id)s and face_id > %(after)s and key_generation < %(key_generation)s
order by face_id
limit %(limit)s
for update;

-- lock_shadows_of_old_generations --
-- The face first, as all do.
select s.face_id, (1 - f.model_slot)::smallint, s.key_generation, s.sealed_template
from shadow_template as s
join face as f using (collection_id, face_id)
where s.collection_id = %(collection_id)s and s.face_id > %(after)s and s.key_generation < %(key_generation)s
order by s.face_id
limit %(limit)s
for no key update of f, s;

-- lock_crops_of_old_generations --
select c.face_id, null, c.key_generation, c.sealed_crop
from vault_crop as c
join face as f using (collection_id, face_id)
where c.collection_id = %(collection_id)s and c.face_id > %(after)s and c.key_generation < %(key_generation)s
order by c.face_id
limit %(limit)s
for no key update of f, c;

-- reseal_faces --
update face set sealed_template = given.sealed, key_generation = %(key_generation)s
from unnest(%(face_ids)s::uuid[], %(sealed)s::bytea[]) as given (face_id, sealed)
where face.collection_id = %(collection_id)s and face.face_id = given.face_id;

-- reseal_shadows --
update shadow_template as s set sealed_template = given.sealed, key_generation = %(key_generation)s
from unnest(%(face_ids)s::uuid[], %(sealed)s::bytea[]) as given (face_id, sealed)
where s.collection_id = %(collection_id)s and s.face_id = given.face_id;

-- reseal_crops --
update vault_crop as c set sealed_crop = given.sealed, key_generation = %(key_generation)s
from unnest(%(face_ids)s::uuid[], %(sealed)s::bytea[]) as given (face_id, sealed)
where c.collection_id = %(collection_id)s and c.face_id = given.face_id;

-- has_old_generations --
select
    exists (select 1 from face where collection_id = %(collection_id)s and key_generation < %(key_generation)s)
    or exists (
        select 1 from shadow_template
        where collection_id = %(collection_id)s and key_generation < %(key_generation)s
    )
    or exists (
        select 1 from vault_crop
        where collection_id = %(collection_id)s and key_generation < %(key_generation)s
    );

-- settle_erasures --
with settled as (
    -- Not where the collection's own key, which is not replaced, opens what was deleted.
    delete from pending_erasure as p using collection as c
    where p.collection_id = %(collection_id)s and p.key_generation < %(key_generation)s
        and c.collection_id = p.collection_id and not c.had_own_key
    returning p.faces
)
select coalesce(sum(faces), 0)::bigint from settled;

-- list_pending_erasures --
select
    c.collection_id, c.account_id, c.name, c.region, c.face_model_version, c.dimensions, c.created_at,
    sum(p.faces)::bigint, min(p.at), c.had_own_key
from pending_erasure as p
join collection as c using (collection_id)
where (%(collection_id)s::uuid is null or c.collection_id = %(collection_id)s)
    and (%(account_id)s::text is null or c.account_id = %(account_id)s)
    and (%(region)s::text is null or c.region = %(region)s)
group by c.collection_id
order by min(p.at), c.collection_id;

-- find_present_collections --
select collection_id from collection where collection_id = any(%(collection_ids)s)

-- list_tags --
select collection.collection_id, tag.key, tag.value
from collection
left join tag using (collection_id)
where collection_id = %(collection_id)s
order by tag.key

-- put_tags --
insert into tag (collection_id, key, value)
select %(collection_id)s, given.key, given.value
from unnest(%(keys)s::text[], %(values)s::text[]) as given (key, value)
order by given.key
on conflict (collection_id, key) do update set value = excluded.value

-- count_tags --
select count(*) from tag where collection_id = %(collection_id)s

-- remove_tags --
delete from tag where collection_id = %(collection_id)s and key = any(%(keys)s)

-- enrol --
with inserted as (
    insert into face (
        collection_id, face_id, image_id, external_image_id,
        box_left, box_top, box_width, box_height, confidence, secret, sealed_template, key_generation,
        user_id, import_id, import_item, model_slot
    )
    select
        %(collection_id)s, given.face_id, given.image_id, given.external_image_id,
        given.box_left, given.box_top, given.box_width, given.box_height,
        given.confidence, given.secret, given.sealed_template, %(key_generation)s,
        given.user_id, given.import_id, given.import_item,
        (select model_slot from collection where collection_id = %(collection_id)s)
    from unnest(
        %(face_ids)s::uuid[], %(image_ids)s::uuid[], %(external_image_ids)s::text[],
        %(lefts)s::float8[], %(tops)s::float8[], %(widths)s::float8[], %(heights)s::float8[],
        %(confidences)s::float8[], %(secrets)s::bytea[], %(sealed)s::bytea[],
        %(user_ids)s::text[], %(import_ids)s::uuid[], %(import_items)s::integer[]
    ) as given (
        face_id, image_id, external_image_id,
        box_left, box_top, box_width, box_height, confidence, secret, sealed_template,
        user_id, import_id, import_item
    )
    -- Nothing where the key was replaced since the collection was held: whoever waits for those that may seal with
    -- the key of before (finality.py) knows of all whose number is lower than its own, and the others see it here.
    where exists (
        select 1 from collection
        where collection_id = %(collection_id)s and key_generation = %(key_generation)s
            and face_model_version = %(face_model_version)s
    )
    on conflict (
        collection_id, image_id, external_image_id, box_left, box_top, box_width, box_height
    ) do nothing
    returning face_id
),
noted as (
    insert into gallery_change (collection_id, face_id, kind)
    select %(collection_id)s, face_id, 'enrolled' from inserted
)
-- Which they were matters where some were there already, which is seldom.
select c.key_generation, done.inserted,
    array(select face_id from inserted where done.inserted < cardinality(%(face_ids)s::uuid[]))
from collection as c, (select count(*) as inserted from inserted) as done
where c.collection_id = %(collection_id)s

-- find_enrolled --
select face_id, image_id, external_image_id,
    box_left, box_top, box_width, box_height, confidence, user_id
from face
where collection_id = %(collection_id)s and image_id = any(%(image_ids)s)
    -- an external image id is never empty, so the empty string stands for none
    and coalesce(external_image_id, '') = any(%(external_image_ids)s)

-- count_faces --
select count(*) from face where collection_id = %(collection_id)s

-- count_subjects --
select count(*) from subject where collection_id = %(collection_id)s

-- serialize_near_quota --
select pg_advisory_xact_lock(%(kind)s, hashtext(%(collection_id)s::text))

-- list_faces --
select face_id, image_id, external_image_id,
    box_left, box_top, box_width, box_height, confidence, user_id
from face
where collection_id = %(collection_id)s and face_id > %(after)s
order by face_id
limit %(limit)s

-- list_faces_of_user --
select face_id, image_id, external_image_id,
    box_left, box_top, box_width, box_height, confidence, user_id
from face
where collection_id = %(collection_id)s and face_id > %(after)s and user_id = %(user_id)s
order by face_id
limit %(limit)s

-- find_faces --
select face_id, image_id, external_image_id,
    box_left, box_top, box_width, box_height, confidence, user_id
from face
where collection_id = %(collection_id)s and face_id = any(%(face_ids)s)

-- list_faces_among --
select face_id, image_id, external_image_id,
    box_left, box_top, box_width, box_height, confidence, user_id
from face
where collection_id = %(collection_id)s and face_id > %(after)s and face_id = any(%(face_ids)s)
    and (%(user_id)s::text is null or user_id = %(user_id)s)
order by face_id
limit %(limit)s

-- lock_faces --
-- With the template of the model in use; null where there is none.
select
    f.face_id, f.user_id,
    case when f.model_slot = c.model_slot then f.key_generation else s.key_generation end,
    case when f.model_slot = c.model_slot then f.sealed_template else s.sealed_template end
from face as f
join collection as c using (collection_id)
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
where f.collection_id = %(collection_id)s and f.face_id = any(%(face_ids)s)
order by f.face_id
for update of f

-- read_template --
-- Of the model in use; null where there is none.
select
    case when f.model_slot = c.model_slot then f.key_generation else s.key_generation end,
    case when f.model_slot = c.model_slot then f.sealed_template else s.sealed_template end
from face as f
join collection as c using (collection_id)
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
where f.collection_id = %(collection_id)s and f.face_id = %(face_id)s

-- delete_faces --
with removed as (
    delete from face
    where collection_id = %(collection_id)s and face_id = any(%(face_ids)s)
    returning face_id, key_generation
),
pending as (
    -- The newest generation that anything of it may have been sealed with: a transaction that sealed it anew and
    -- was rolled back has left bytes under the collection's.
    insert into pending_erasure (collection_id, key_generation, faces)
    select c.collection_id, greatest(c.key_generation, max(r.key_generation)), count(*)
    from removed as r
    join collection as c on c.collection_id = %(collection_id)s
    group by c.collection_id
)
insert into gallery_change (collection_id, face_id, kind)
select %(collection_id)s, face_id, 'deleted' from removed

-- insert_subject --
insert into subject (collection_id, user_id)
values (%(collection_id)s, %(user_id)s)
on conflict (collection_id, user_id) do nothing
returning user_id

-- lock_subject --
select 1 from subject
where collection_id = %(collection_id)s and user_id = %(user_id)s
for no key update

-- claim_subject --
select 1 from subject
where collection_id = %(collection_id)s and user_id = %(user_id)s
for update

-- find_subject --
select 1 from subject where collection_id = %(collection_id)s and user_id = %(user_id)s

-- delete_subject --
delete from subject where collection_id = %(collection_id)s and user_id = %(user_id)s

-- list_subjects --
select subject.user_id, exists (
    select 1 from face
    where face.collection_id = subject.collection_id and face.user_id = subject.user_id
)
from subject
where subject.collection_id = %(collection_id)s and subject.user_id > %(after)s
order by subject.user_id
limit %(limit)s

-- lock_faces_of_subject --
select face_id
from face
where collection_id = %(collection_id)s and user_id = %(user_id)s
order by face_id
for update

-- read_faces_of_subject --
-- The subject's row is locked: nobody else gives it faces or takes any from it.
select
    f.face_id,
    case when f.model_slot = c.model_slot then f.key_generation else s.key_generation end,
    case when f.model_slot = c.model_slot then f.sealed_template else s.sealed_template end
from face as f
join collection as c using (collection_id)
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
where f.collection_id = %(collection_id)s and f.user_id = %(user_id)s
order by f.ordinal

-- count_faces_of_subject --
select count(*) from face where collection_id = %(collection_id)s and user_id = %(user_id)s

-- assign_faces --
with assigned as (
    update face set user_id = %(user_id)s
    where collection_id = %(collection_id)s and face_id = any(%(face_ids)s)
    returning face_id
)
insert into gallery_change (collection_id, face_id, kind)
select %(collection_id)s, face_id, 'assigned' from assigned

-- read_snapshot --
select pg_current_snapshot()::text, now(), c.key_generation, c.model_epoch, c.model_slot
from (values (1)) as always (one)
left join collection as c on c.collection_id = %(collection_id)s

-- read_gallery --
-- Templates of the model in use; where a face has none, it is in no search.
select face_id, user_id, ordinal, key_generation, sealed_template
from face
where collection_id = %(collection_id)s and model_slot = %(model_slot)s
union all
select f.face_id, f.user_id, f.ordinal, s.key_generation, s.sealed_template
from shadow_template as s
join face as f using (collection_id, face_id)
where s.collection_id = %(collection_id)s and f.model_slot <> %(model_slot)s

-- read_changes --
-- One statement, so one snapshot: what it lists, what it finds of it, and the snapshot it answers.
-- A changed face that is not found was deleted, or has no template of the model in use.
select
    pg_current_snapshot()::text, now(), c.key_generation, c.model_epoch,
    changed.face_id, changed.is_new, used.sealed_template is not null,
    used.user_id, used.ordinal, used.key_generation, used.sealed_template
from (values (1)) as always (one)
left join collection as c on c.collection_id = %(collection_id)s
left join (
    select face_id, bool_or(kind = 'enrolled') as is_new
    from gallery_change
    where collection_id = %(collection_id)s
        and transaction_id >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
        and not pg_visible_in_snapshot(transaction_id, %(snapshot)s::pg_snapshot)
    group by face_id
    limit %(limit)s
) as changed on true
-- One face at a time, by its key, whatever the planner thinks of how many there are.
left join lateral (
    select
        f.user_id, f.ordinal,
        case when f.model_slot = c.model_slot then f.key_generation else s.key_generation end
            as key_generation,
        case when f.model_slot = c.model_slot then f.sealed_template else s.sealed_template end
            as sealed_template
    from face as f
    left join shadow_template as s
        on f.model_slot <> c.model_slot and s.collection_id = f.collection_id and s.face_id = f.face_id
    where f.collection_id = %(collection_id)s and f.face_id = changed.face_id
    limit 1
) as used on true

-- forget_changes --
delete from gallery_change
where change_id in (
    select change_id from gallery_change
    where at < now() - %(kept)s::interval
    limit %(limit)s
    for update skip locked
)

-- list_sparse_tables --
-- By PostgreSQL's own estimate. It sweeps them itself, but of twenty million rows only when four have gone.
select relname from pg_stat_user_tables
where schemaname = any(current_schemas(false)) and relname = any(%(tables)s)
    and n_dead_tup > 10000 and n_dead_tup > n_live_tup / 20
order by relname

-- insert_charter --
insert into charter (collection_id, purposes, kind, legal_basis, face_cap, retention_days, minors_allowed)
values (
    %(collection_id)s, %(purposes)s, %(kind)s, %(legal_basis)s, %(face_cap)s, %(retention_days)s,
    %(minors_allowed)s
);

-- update_charter --
update charter set
    purposes = %(purposes)s, legal_basis = %(legal_basis)s, face_cap = %(face_cap)s,
    retention_days = %(retention_days)s, minors_allowed = %(minors_allowed)s, written_at = clock_timestamp()
where collection_id = %(collection_id)s;

-- find_charter --
select purposes, kind, legal_basis, face_cap, retention_days, minors_allowed
from charter
where collection_id = %(collection_id)s;

-- find_chartered --
select
    c.collection_id, c.face_model_version,
    h.purposes, h.kind, h.legal_basis, h.face_cap, h.retention_days, h.minors_allowed,
    case when h.face_cap <= %(count_up_to)s then (
        select count(*) from (
            select 1 from face as f where f.collection_id = c.collection_id limit h.face_cap
        ) as counted
    ) else 0 end
from collection as c
left join charter as h using (collection_id)
where c.account_id = %(account_id)s and c.region = %(region)s and c.name = %(name)s;

-- count_faces_up_to --
select count(*) from (
    select 1 from face where collection_id = %(collection_id)s limit %(up_to)s
) as counted;

-- list_expiring --
-- Collections with faces older than their charters allow, and whose they are.
select c.collection_id, c.account_id, c.name, c.region, c.face_model_version, c.dimensions, c.created_at
from collection as c
join charter as h using (collection_id)
where h.retention_days is not null and exists (
    select 1 from face as f
    where f.collection_id = c.collection_id
        and f.created_at < clock_timestamp() - make_interval(days => h.retention_days)
        and not exists (
            select 1 from legal_hold_face as l where l.collection_id = f.collection_id and l.face_id = f.face_id
        )
)
order by c.collection_id;

-- list_expired_faces --
select f.face_id, f.user_id
from face as f
join charter as h using (collection_id)
where f.collection_id = %(collection_id)s
    and h.retention_days is not null
    and f.created_at < clock_timestamp() - make_interval(days => h.retention_days)
    and not exists (
        select 1 from legal_hold_face as l where l.collection_id = f.collection_id and l.face_id = f.face_id
    )
order by f.face_id
limit %(limit)s;

-- Imports: see imports.py.

-- read_present_moment --
select pg_current_snapshot()::text;

-- take_turns_at_importing --
select pg_advisory_xact_lock(3, hashtext(%(collection_id)s::text));

-- read_rivals --
-- Faces that a search found, and those that were enrolled since it began and that it may not have seen, with their
-- templates of the model in use.
select f.face_id, f.image_id, f.external_image_id,
    f.box_left, f.box_top, f.box_width, f.box_height, f.confidence, f.user_id,
    used.key_generation, used.sealed_template
from face as f
join collection as c using (collection_id)
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
cross join lateral (
    select
        case when f.model_slot = c.model_slot then f.key_generation else s.key_generation end
            as key_generation,
        case when f.model_slot = c.model_slot then f.sealed_template else s.sealed_template end
            as sealed_template
) as used
where f.collection_id = %(collection_id)s and used.sealed_template is not null and (
    f.face_id = any(%(face_ids)s::uuid[])
    or f.face_id in (
        select face_id from gallery_change
        where collection_id = %(collection_id)s
            and transaction_id >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
            and not pg_visible_in_snapshot(transaction_id, %(snapshot)s::pg_snapshot)
            and kind = 'enrolled'
    )
);

-- find_origin --
select import_id, import_item
from face
where collection_id = %(collection_id)s and face_id = %(face_id)s;

-- insert_imported_subject --
insert into subject (collection_id, user_id, import_id)
values (%(collection_id)s, %(user_id)s, %(import_id)s)
on conflict (collection_id, user_id) do nothing
returning user_id;

-- find_imported_subject --
select 1 from subject
where collection_id = %(collection_id)s and user_id = %(user_id)s and import_id = %(import_id)s;

-- note_undone_import --
insert into undone_import (collection_id, import_id)
values (%(collection_id)s, %(import_id)s)
on conflict do nothing;

-- find_undone_import --
select undone_at from undone_import where collection_id = %(collection_id)s and import_id = %(import_id)s;

-- list_imported_faces --
-- Those that may be deleted.
select face_id from face as f
where collection_id = %(collection_id)s and import_id = %(import_id)s
    and not exists (
        select 1 from legal_hold_face as l where l.collection_id = f.collection_id and l.face_id = f.face_id
    )
order by face_id
limit %(limit)s;

-- delete_imported_subjects --
-- Those that have no face. One that is locked is being given one: it is passed over, and looked at again.
delete from subject
where (collection_id, user_id) in (
    select s.collection_id, s.user_id
    from subject as s
    where s.collection_id = %(collection_id)s and s.import_id = %(import_id)s
        and not exists (
            select 1 from face as f where f.collection_id = s.collection_id and f.user_id = s.user_id
        )
    order by s.user_id
    limit %(limit)s
    for update skip locked
)
returning user_id;

-- Legal holds: see held.py.

-- find_held --
select distinct face_id from legal_hold_face
where collection_id = %(collection_id)s and face_id = any(%(face_ids)s::uuid[])
order by face_id;

-- has_held --
select exists (select 1 from legal_hold_face where collection_id = %(collection_id)s);
