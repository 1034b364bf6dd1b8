-- What a reviewer said: the person of a face is not that user, or not the person of that other face
-- (docs/adr/0029). Ids and words, nothing biometric. It goes with whatever it names.
create table rejection (
    collection_id uuid not null references collection on delete cascade,
    ordinal bigint generated always as identity,
    face_id uuid not null,
    rejected_user_id text collate "C",
    rejected_face_id uuid,
    reason text check (length(reason) between 1 and 500),
    rejected_by text not null check (length(rejected_by) between 1 and 128),
    rejected_at timestamptz not null default clock_timestamp(),
    primary key (collection_id, ordinal),
    foreign key (collection_id, face_id) references face on delete cascade,
    foreign key (collection_id, rejected_face_id) references face on delete cascade,
    foreign key (collection_id, rejected_user_id) references subject on delete cascade,
    check ((rejected_user_id is null) <> (rejected_face_id is null)),
    check (face_id <> rejected_face_id)
);
create index rejection_by_face on rejection (collection_id, face_id);
create index rejection_by_rejected_face on rejection (collection_id, rejected_face_id)
    where rejected_face_id is not null;
create index rejection_by_rejected_user on rejection (collection_id, rejected_user_id)
    where rejected_user_id is not null;
-- once, and of two faces whichever was named first
create unique index rejection_of_user on rejection (collection_id, face_id, rejected_user_id)
    where rejected_user_id is not null;
create unique index rejection_of_face on rejection (
    collection_id, least(face_id, rejected_face_id), greatest(face_id, rejected_face_id)
) where rejected_face_id is not null;

-- Whichever way one comes or goes (a call, a deleted face, a deleted user, somebody's hand), the galleries in memory
-- are told, and reconciliation finds a change that has no event.
create function note_rejection() returns trigger language plpgsql as $$
begin
    -- a collection that goes as a whole has no gallery to be told
    if coalesce(current_setting('countenance.whole_collection', true), '') <> 'on' then
        if tg_op <> 'INSERT' then
            insert into gallery_change (collection_id, face_id, kind)
            values (old.collection_id, old.face_id, 'corrected');
        end if;
        if tg_op <> 'DELETE' then
            insert into gallery_change (collection_id, face_id, kind)
            values (new.collection_id, new.face_id, 'corrected');
        end if;
    end if;
    return null;
end
$$;
create trigger noted after insert or update or delete on rejection
    for each row execute function note_rejection();
