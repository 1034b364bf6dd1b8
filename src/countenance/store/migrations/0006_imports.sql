-- Imports (docs/adr/0020): what each photo became, written by the importer, and which faces and users an import
-- made, written by the server with them, so that it can be taken back exactly.

-- Null for what no import made.
alter table face add column import_id uuid;
alter table face add column import_item integer;
alter table subject add column import_id uuid;
create index face_by_import on face (collection_id, import_id, face_id) where import_id is not null;
create index subject_by_import on subject (collection_id, import_id, user_id) where import_id is not null;

create table import_run (
    import_id uuid primary key,
    account_id text not null,
    collection text not null,
    -- what it was asked for: source, options, where the server is; no secret
    request jsonb not null,
    -- running, paused, finished, undoing, undone
    state text not null,
    -- why it is paused
    problem text not null default '',
    begun_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    -- seconds that it was at work, over all of its turns
    worked_s double precision not null default 0,
    -- where thumbnails are, and when they are to go
    thumbnails text,
    thumbnails_until timestamptz
);
create index import_run_by_time on import_run (begun_at);

create table import_item (
    import_id uuid not null references import_run on delete cascade,
    item integer not null,
    path text not null,
    external_image_id text not null,
    user_id text,
    -- which of the photo's faces: left, top, width, height
    box double precision[],
    -- null until it is known
    verdict text,
    reasons text[] not null default '{}',
    detail text not null default '',
    faces_found integer,
    face_id uuid,
    user_created boolean not null default false,
    -- the face that it is a duplicate of or looks like
    other_face_id uuid,
    other_external_image_id text,
    other_user_id text,
    similarity real,
    sha256 bytea,
    done_at timestamptz,
    primary key (import_id, item)
);
create index import_item_to_do on import_item (import_id, item) where verdict is null;
-- Who was erased is named in no ledger: not by the photo that brought the face, nor by those that were judged by it.
create index import_item_by_face on import_item (face_id) where face_id is not null;
create index import_item_by_other_face on import_item (other_face_id) where other_face_id is not null;

create function forget_names_of_erased() returns trigger language plpgsql as $$
begin
    -- In the order of photos, as whoever writes their verdicts: two who lock the same rows never
    -- each wait for the other.
    perform 1
    from import_item as i
    join (
        select import_id, import_item as item from erased where import_id is not null
        union
        select j.import_id, j.item from erased join import_item as j on j.face_id = erased.face_id
        union
        select j.import_id, j.item from erased join import_item as j on j.other_face_id = erased.face_id
    ) as named using (import_id, item)
    order by import_id, item
    for update of i;

    -- By the photo and not by the face alone: the importer may not have written yet what became of it, and the
    -- first word stands.
    update import_item as i set
        verdict = coalesce(i.verdict, 'ENROLLED'), face_id = coalesce(i.face_id, e.face_id),
        done_at = coalesce(i.done_at, clock_timestamp()),
        path = '', external_image_id = '', user_id = null, box = null, detail = '', sha256 = null,
        other_external_image_id = null, other_user_id = null
    from erased as e
    where (e.import_id = i.import_id and e.import_item = i.item) or e.face_id = i.face_id;

    -- A photo that was held back for the face shows its person. One that brought a face of its own keeps its name.
    update import_item as i set
        path = '', external_image_id = '', user_id = null, box = null, detail = '', sha256 = null
    from erased as e
    where e.face_id = i.other_face_id and i.face_id is null;
    update import_item as i set other_external_image_id = null, other_user_id = null
    from erased as e
    where e.face_id = i.other_face_id
        and (i.other_external_image_id is not null or i.other_user_id is not null);
    return null;
end
$$;
create trigger forgotten_by_imports after delete on face referencing old table as erased
    for each statement execute function forget_names_of_erased();
