-- Two templates of each face, and pictures of faces that are kept (docs/adr/0022). As in queries.sql every change
-- begins with `hold_collection`; those of the model itself with `take_turn`.

-- take_turn --
-- Alone among all who change the gallery, in the order of asking.
select pg_advisory_xact_lock(gallery_lock(%(collection_id)s));

-- wait_at_most --
select set_config('lock_timeout', %(milliseconds)s, true);

-- read_models --
select
    c.model_slot, c.face_model_version, c.dimensions,
    c.key_generation, c.basis, c.basis_since, c.earlier_basis,
    r.run_id, r.state, r.from_version, r.from_dimensions, r.to_version, r.to_dimensions, v.kept_days
from collection as c
left join reembedding as r on r.collection_id = c.collection_id and r.state <> 'discarded'
left join vault as v on v.collection_id = c.collection_id
where c.collection_id = %(collection_id)s;

-- find_run --
select
    run_id, from_version, from_dimensions, to_version, to_dimensions, source, state, started_at, changed_at
from reembedding
where collection_id = %(collection_id)s and state <> 'discarded';

-- list_runs --
select c.collection_id, c.account_id, c.name, c.region, c.face_model_version, c.dimensions, c.created_at
from reembedding as r
join collection as c using (collection_id)
where r.state <> 'discarded'
order by c.account_id, c.region, c.name;

-- insert_run --
insert into reembedding (
    run_id, collection_id, from_version, from_dimensions, to_version, to_dimensions, source
)
values (
    %(run_id)s, %(collection_id)s, %(from_version)s, %(from_dimensions)s, %(to_version)s, %(to_dimensions)s,
    %(source)s
)
on conflict (collection_id) where state <> 'discarded' do nothing
returning run_id;

-- set_state --
update reembedding set state = %(state)s, source = coalesce(%(source)s, source), changed_at = clock_timestamp()
where run_id = %(run_id)s;

-- use_other_model --
update collection set
    model_slot = 1 - model_slot, model_epoch = model_epoch + 1,
    face_model_version = %(face_model_version)s, dimensions = %(dimensions)s
where collection_id = %(collection_id)s and face_model_version = %(before)s
returning model_slot;

-- count_templates --
-- Faces, those with a template in the slot, and the moment.
select
    pg_current_snapshot()::text,
    count(*),
    count(*) filter (where f.model_slot = %(model_slot)s or s.face_id is not null)
from face as f
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
where f.collection_id = %(collection_id)s;

-- count_missing_since --
-- Of the faces that were enrolled since, those without a template in the slot.
select count(*)
from (
    select distinct face_id
    from gallery_change
    where collection_id = %(collection_id)s and kind = 'enrolled'
        and transaction_id >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
        and not pg_visible_in_snapshot(transaction_id, %(snapshot)s::pg_snapshot)
) as new
join face as f on f.collection_id = %(collection_id)s and f.face_id = new.face_id
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
where f.model_slot <> %(model_slot)s and s.face_id is null;

-- list_missing --
select f.face_id, f.user_id, f.image_id, f.external_image_id, r.reason
from face as f
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
left join reembedding_failure as r on r.run_id = %(run_id)s and r.face_id = f.face_id
where f.collection_id = %(collection_id)s and f.model_slot <> %(model_slot)s and s.face_id is null
order by f.face_id
limit %(limit)s;

-- next_faces --
-- Faces picture by picture, and whether each has a template in the slot.
select
    f.face_id, f.image_id, f.external_image_id, f.box_left, f.box_top, f.box_width, f.box_height,
    f.confidence, f.user_id, f.model_slot = %(model_slot)s or s.face_id is not null
from (
    select *
    from face
    where collection_id = %(collection_id)s and image_id > %(after)s
    order by collection_id, image_id
    limit %(limit)s
) as f
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
order by f.image_id, f.face_id;

-- put_templates --
-- For faces that are there and have none in the slot; nothing where the key was replaced (see `enrol`).
with there as (
    select face_id
    from face
    where collection_id = %(collection_id)s and face_id = any(%(face_ids)s) and model_slot <> %(model_slot)s
    order by face_id
    for key share
),
written as (
    insert into shadow_template (collection_id, face_id, key_generation, sealed_template)
    select %(collection_id)s, given.face_id, %(key_generation)s, given.sealed
    from unnest(%(face_ids)s::uuid[], %(sealed)s::bytea[]) as given (face_id, sealed)
    join there using (face_id)
    where exists (
        select 1 from collection
        where collection_id = %(collection_id)s and key_generation = %(key_generation)s
    )
    on conflict (collection_id, face_id) do nothing
    returning face_id
),
noted as (
    -- A template of the model in use: from now on searches find the face.
    insert into gallery_change (collection_id, face_id, kind)
    select %(collection_id)s, face_id, 'embedded' from written where %(is_in_use)s
),
mended as (
    delete from reembedding_failure where run_id = %(run_id)s and face_id = any(%(face_ids)s)
)
select (select count(*) from written), key_generation from collection where collection_id = %(collection_id)s;

-- put_crops --
with written as (
    insert into vault_crop (collection_id, face_id, key_generation, sealed_crop, kept_until)
    select
        %(collection_id)s, given.face_id, %(key_generation)s, given.sealed,
        clock_timestamp() + make_interval(days => v.kept_days)
    from unnest(%(face_ids)s::uuid[], %(sealed)s::bytea[]) as given (face_id, sealed)
    join vault as v on v.collection_id = %(collection_id)s
    where exists (
        select 1 from collection
        where collection_id = %(collection_id)s and key_generation = %(key_generation)s
    )
    on conflict (collection_id, face_id) do nothing
    returning face_id
)
select (select count(*) from written), key_generation from collection where collection_id = %(collection_id)s;

-- put_failures --
insert into reembedding_failure (run_id, face_id, reason)
select %(run_id)s, given.face_id, given.reason
from unnest(%(face_ids)s::uuid[], %(reasons)s::text[]) as given (face_id, reason)
on conflict (run_id, face_id) do update set reason = excluded.reason;

-- forget_failures --
delete from reembedding_failure where run_id = %(run_id)s;

-- count_failures --
select r.reason, count(*)
from reembedding_failure as r
join face as f on f.collection_id = %(collection_id)s and f.face_id = r.face_id
where r.run_id = %(run_id)s
group by r.reason
order by count(*) desc, r.reason;

-- read_templates --
-- All that has a template in the slot, in order of enrolment.
select
    f.face_id, f.user_id, f.external_image_id, f.ordinal,
    case when f.model_slot = %(model_slot)s then f.key_generation else s.key_generation end,
    case when f.model_slot = %(model_slot)s then f.sealed_template else s.sealed_template end
from face as f
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
where f.collection_id = %(collection_id)s and (f.model_slot = %(model_slot)s or s.face_id is not null)
order by f.ordinal;

-- sweep --
-- A part of the templates of the model that is not in use: faces whose row has one get the one beside it, and
-- nothing stays beside any. What goes is on the list of what is not final yet.
with part as (
    -- Both locked, and taken as they are then: they may have been sealed anew while this waited, and the keys that
    -- they were under before be destroyed by the time that it ends.
    select s.face_id, f.model_slot, s.sealed_template, s.key_generation
    from shadow_template as s
    join face as f using (collection_id, face_id)
    where s.collection_id = %(collection_id)s
    order by s.face_id
    limit %(limit)s
    for update of f, s
),
moved as (
    update face as f set
        sealed_template = part.sealed_template, key_generation = part.key_generation, model_slot = %(model_slot)s
    from part
    where f.collection_id = %(collection_id)s and f.face_id = part.face_id
        and part.model_slot <> %(model_slot)s
),
gone as (
    delete from shadow_template as s using part
    where s.collection_id = %(collection_id)s and s.face_id = part.face_id
    returning s.face_id
),
pending as (
    insert into pending_erasure (collection_id, key_generation, faces)
    select %(collection_id)s, c.key_generation, (select count(*) from gone)
    from collection as c
    where c.collection_id = %(collection_id)s and exists (select 1 from gone)
)
select count(*) from gone;

-- list_left_behind --
select f.face_id
from face as f
left join shadow_template as s on s.collection_id = f.collection_id and s.face_id = f.face_id
where f.collection_id = %(collection_id)s and f.model_slot <> %(model_slot)s and s.face_id is null
order by f.face_id
limit %(limit)s;

-- Vaults

-- open_vault --
insert into vault (collection_id, kept_days)
values (%(collection_id)s, %(kept_days)s)
on conflict (collection_id) do update set kept_days = excluded.kept_days;

-- shorten_crops --
-- Days that were made fewer hold for what is kept already; more of them do not.
update vault_crop as c set kept_until = least(c.kept_until, f.created_at + make_interval(days => %(kept_days)s))
from face as f
where c.collection_id = %(collection_id)s and f.collection_id = c.collection_id and f.face_id = c.face_id
    and c.kept_until > f.created_at + make_interval(days => %(kept_days)s);

-- close_vault --
delete from vault where collection_id = %(collection_id)s returning kept_days;

-- close_vault_of --
-- One that was opened later is another vault.
delete from vault where collection_id = %(collection_id)s and opened_at <= %(at)s returning kept_days;

-- delete_crops_of --
-- All of faces that were enrolled by then; to be told as deleted ones are.
with gone as (
    delete from vault_crop as k using face as f
    where k.collection_id = %(collection_id)s and f.collection_id = k.collection_id and f.face_id = k.face_id
        and f.created_at <= %(at)s
    returning k.face_id
),
pending as (
    insert into pending_erasure (collection_id, key_generation, faces)
    select %(collection_id)s, c.key_generation, (select count(*) from gone)
    from collection as c
    where c.collection_id = %(collection_id)s and exists (select 1 from gone)
)
select count(*) from gone;

-- find_vault --
select v.kept_days, v.opened_at, (select count(*) from vault_crop as k where k.collection_id = v.collection_id)
from vault as v
where v.collection_id = %(collection_id)s;

-- list_vaults --
-- Collections with crops that are over their time, or that nothing allows any more.
select c.collection_id, c.account_id, c.name, c.region, c.face_model_version, c.dimensions, c.created_at
from collection as c
where exists (
    select 1 from vault_crop as k
    where k.collection_id = c.collection_id
        and (k.kept_until <= clock_timestamp()
            or not exists (select 1 from vault as v where v.collection_id = k.collection_id))
);

-- delete_crops --
-- A part of those that are over their time, or of all where there is no vault.
with gone as (
    delete from vault_crop
    where collection_id = %(collection_id)s and face_id in (
        select face_id from vault_crop
        where collection_id = %(collection_id)s
            and (kept_until <= clock_timestamp()
                or not exists (select 1 from vault where collection_id = %(collection_id)s))
        limit %(limit)s
        for update skip locked
    )
    returning face_id
),
pending as (
    insert into pending_erasure (collection_id, key_generation, faces)
    select %(collection_id)s, c.key_generation, (select count(*) from gone)
    from collection as c
    where c.collection_id = %(collection_id)s and exists (select 1 from gone)
)
select count(*) from gone;

-- read_crops --
-- What is over its time is not opened, whether or not it has been deleted yet.
select face_id, key_generation, sealed_crop
from vault_crop
where collection_id = %(collection_id)s and face_id = any(%(face_ids)s) and kept_until > clock_timestamp();
