-- Deletion that is final (docs/adr/0015): templates are sealed under a key of their collection's that is replaced
-- from time to time, and destroyed once nothing that is there needs it.

-- Which of its keys seals what is enrolled now. 0: the collection's own, from before there were others.
alter table collection add column key_generation integer not null default 0 check (key_generation >= 0);
alter table collection alter column key_generation set default 1;
alter table face add column key_generation integer not null default 0 check (key_generation >= 0);

-- Faces that were deleted and whose sealed bytes would still open, for whoever has old pages and the keys of today.
create table pending_erasure (
    erasure_id bigint generated always as identity primary key,
    collection_id uuid not null references collection on delete cascade,
    key_generation integer not null,
    faces integer not null check (faces > 0),
    at timestamptz not null default clock_timestamp()
);
create index pending_erasure_by_collection on pending_erasure (collection_id, key_generation);
