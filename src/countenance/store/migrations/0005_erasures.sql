-- What was erased and is not in the tombstone list yet (docs/adr/0018): noted by triggers, so that no way of deleting
-- goes past it, in the transaction that deletes; moved to the list, outside the database, before anybody is answered.
create table erasure (
    erasure_id bigint generated always as identity primary key,
    kind text not null check (kind in ('face', 'collection', 'user', 'account', 'vault')),
    collection_id uuid,
    face_ids uuid[],
    user_id text collate "C",
    account_id text,
    at timestamptz not null default clock_timestamp()
);

create function note_erased_faces() returns trigger language plpgsql as $$
begin
    -- A collection that goes as a whole is noted as such, and not by each of perhaps millions of faces.
    if coalesce(current_setting('countenance.whole_collection', true), '') <> 'on' then
        insert into erasure (kind, collection_id, face_ids)
        select 'face', collection_id, array_agg(face_id) from erased group by collection_id;
    end if;
    return null;
end
$$;
create trigger erased after delete on face referencing old table as erased
    for each statement execute function note_erased_faces();

create function note_erased_users() returns trigger language plpgsql as $$
begin
    if coalesce(current_setting('countenance.whole_collection', true), '') <> 'on' then
        insert into erasure (kind, collection_id, user_id) select 'user', collection_id, user_id from erased;
    end if;
    return null;
end
$$;
create trigger erased after delete on subject referencing old table as erased
    for each statement execute function note_erased_users();

create function note_erased_collections() returns trigger language plpgsql as $$
begin
    insert into erasure (kind, collection_id) select 'collection', collection_id from erased;
    return null;
end
$$;
create trigger erased after delete on collection referencing old table as erased
    for each statement execute function note_erased_collections();
