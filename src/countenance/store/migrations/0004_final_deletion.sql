-- Deletion that is final (docs/adr/0015): templates are sealed under a key of their collection's that is replaced
-- from time to time, and destroyed once nothing that is there needs it.

-- Which of its keys seals what is enrolled now. 0: the collection's own, from before there were others. That one
-- is never replaced, because the log's pseudonyms depend on it: what was ever sealed with it is final with the
-- collection only.
alter table collection add column key_generation integer not null default 0 check (key_generation >= 0);
alter table collection alter column key_generation set default 1;
alter table collection add column had_own_key boolean not null default true;
alter table collection alter column had_own_key set default false;
alter table face add column key_generation integer not null default 0 check (key_generation >= 0);
alter table face alter column key_generation drop default;

-- Faces that were deleted and whose sealed bytes would still open, for whoever has old pages and the keys of today.
create table pending_erasure (
    erasure_id bigint generated always as identity primary key,
    collection_id uuid not null references collection on delete cascade,
    key_generation integer not null,
    faces integer not null check (faces > 0),
    at timestamptz not null default clock_timestamp()
);
create index pending_erasure_by_collection on pending_erasure (collection_id, key_generation);
