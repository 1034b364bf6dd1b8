-- Changing the model of a collection without starting over (docs/adr/0022). While a collection is re-embedded each
-- face has two templates: one in its own row and one beside it, of two models, which are told apart by their slots.

-- Which of the two is in use. To switch is to change this and nothing else of a million faces.
alter table collection add column model_slot smallint not null default 0;
-- Counts switches: a copy in memory is of one of these and of no other.
alter table collection add column model_epoch integer not null default 0;
-- Whose template the row itself has.
alter table face add column model_slot smallint not null default 0;

-- The face's other template. Gone with the face, whoever deletes it.
create table shadow_template (
    collection_id uuid not null,
    face_id uuid not null,
    key_generation integer not null check (key_generation >= 0),
    sealed_template bytea not null,
    primary key (collection_id, face_id),
    foreign key (collection_id, face_id) references face on delete cascade
);

-- One at a time of each collection. `discarding` is ended with a sweep, in parts, and may be taken up again.
create table reembedding (
    run_id uuid primary key,
    collection_id uuid not null references collection on delete cascade,
    from_version text not null,
    from_dimensions integer not null check (from_dimensions > 0),
    to_version text not null,
    to_dimensions integer not null check (to_dimensions > 0),
    source text not null check (source in ('folder', 'vault')),
    state text not null default 'building'
        check (state in ('building', 'ready', 'switched', 'rolled_back', 'discarding', 'discarded')),
    started_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    check (from_version <> to_version)
);
create unique index one_reembedding on reembedding (collection_id) where state <> 'discarded';

-- Faces that it found no template for, with the reason; one that was deleted since is listed nowhere.
create table reembedding_failure (
    run_id uuid not null references reembedding on delete cascade,
    face_id uuid not null,
    reason text not null,
    primary key (run_id, face_id)
);

-- Collections that keep pictures of the faces that are enrolled, for so many days, and those pictures, sealed.
create table vault (
    collection_id uuid primary key references collection on delete cascade,
    kept_days integer not null check (kept_days between 1 and 366),
    opened_at timestamptz not null default clock_timestamp()
);
-- A vault that was closed stays so when a backup is restored: noted as erasures are (migration 0005).
create function note_closed_vaults() returns trigger language plpgsql as $$
begin
    if coalesce(current_setting('countenance.whole_collection', true), '') <> 'on' then
        insert into erasure (kind, collection_id) select 'vault', collection_id from erased;
    end if;
    return null;
end
$$;
create trigger erased after delete on vault referencing old table as erased
    for each statement execute function note_closed_vaults();

create table vault_crop (
    collection_id uuid not null,
    face_id uuid not null,
    key_generation integer not null check (key_generation >= 0),
    sealed_crop bytea not null,
    kept_until timestamptz not null,
    primary key (collection_id, face_id),
    foreign key (collection_id, face_id) references face on delete cascade
);
create index vault_crop_by_end on vault_crop (kept_until);
-- What is sealed looks random: to compress it would be to try in vain.
alter table vault_crop alter column sealed_crop set storage external;

-- Whoever changes a gallery holds this shared, whoever changes its model alone. Not the collection's row: there,
-- writers that overlap would pass one who waits to have it alone, and keep it from its turn for good.
create function gallery_lock(collection uuid) returns bigint language sql immutable as $$
    select hashtextextended('gallery/' || collection, 0)
$$;
