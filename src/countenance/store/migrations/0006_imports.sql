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
