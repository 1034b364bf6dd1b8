-- Imports that were taken back (docs/adr/0020): a photo of one that comes late enrols nobody any more.
create table undone_import (
    collection_id uuid not null references collection on delete cascade,
    import_id uuid not null,
    undone_at timestamptz not null default clock_timestamp(),
    primary key (collection_id, import_id)
);
