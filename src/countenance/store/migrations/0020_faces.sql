-- Users that were made one, so that it can be undone (docs/adr/0037), and how collections grow. Ids and counts, nothing
-- biometric.

create table user_merge (
    merge_id uuid primary key,
    collection_id uuid not null references collection on delete cascade,
    ordinal bigint generated always as identity,
    source_user_id text collate "C" not null,
    source_import_id uuid,
    target_user_id text collate "C" not null,
    faces integer not null check (faces > 0),
    merged_by text not null check (length(merged_by) between 1 and 128),
    merged_at timestamptz not null default clock_timestamp(),
    undone_by text check (length(undone_by) between 1 and 128),
    undone_at timestamptz,
    check ((undone_at is null) = (undone_by is null)),
    check (source_user_id <> target_user_id)
);
create unique index user_merge_by_collection on user_merge (collection_id, ordinal);
create index user_merge_by_time on user_merge (merged_at);

-- The faces that went over. They go with the faces themselves: what is erased is not remembered here.
create table user_merge_face (
    merge_id uuid not null references user_merge on delete cascade,
    collection_id uuid not null,
    face_id uuid not null,
    primary key (merge_id, face_id),
    foreign key (collection_id, face_id) references face on delete cascade
);
create index user_merge_face_by_face on user_merge_face (collection_id, face_id);

-- What reviewers had said of the user who went, in their words: the rows themselves name the other user by now.
create table user_merge_rejection (
    merge_id uuid not null references user_merge on delete cascade,
    collection_id uuid not null,
    face_id uuid not null,
    of_both boolean not null,
    reason text,
    rejected_by text not null,
    rejected_at timestamptz not null,
    primary key (merge_id, face_id),
    foreign key (collection_id, face_id) references face on delete cascade
);
create index user_merge_rejection_by_face on user_merge_rejection (collection_id, face_id);

-- Codes that stood for the user who went, and stand for the faces of then.
create table user_merge_code (
    merge_id uuid not null references user_merge on delete cascade,
    code_id uuid not null references enrolment_code on delete cascade,
    primary key (merge_id, code_id)
);
create index user_merge_code_by_code on user_merge_code (code_id);

-- A merge of which no face is left is forgotten with them.
create function forget_merges() returns trigger language plpgsql as $$
begin
    delete from user_merge as m
    where m.merge_id in (select merge_id from gone)
        and not exists (select 1 from user_merge_face as f where f.merge_id = m.merge_id);
    return null;
end
$$;
create trigger forgotten after delete on user_merge_face referencing old table as gone
    for each statement execute function forget_merges();

-- What collections hold, and how they grow by day (UTC): kept by triggers, in the transaction that does it, so that
-- both are exact and nobody counts a million rows for a page. In 32 parts, by the number of the connection, so that
-- writers to one collection seldom wait for one another; a part by itself says nothing, and may be less than none.
create table gallery_size (
    collection_id uuid not null references collection on delete cascade,
    part smallint not null check (part between 0 and 31),
    faces bigint not null default 0,
    users bigint not null default 0,
    primary key (collection_id, part)
) with (fillfactor = 50);

create table gallery_day (
    collection_id uuid not null references collection on delete cascade,
    day date not null,
    part smallint not null check (part between 0 and 31),
    enrolled bigint not null default 0 check (enrolled >= 0),
    erased bigint not null default 0 check (erased >= 0),
    primary key (collection_id, day, part)
) with (fillfactor = 50);

-- Nothing is counted of a collection that goes: its counts go with it.
create function count_faces() returns trigger language plpgsql as $$
declare
    sign constant integer := case when tg_op = 'INSERT' then 1 else -1 end;
begin
    if coalesce(current_setting('countenance.whole_collection', true), '') = 'on' then
        return null;
    end if;
    insert into gallery_size (collection_id, part, faces)
    select g.collection_id, pg_backend_pid() % 32, sign * g.faces
    from (select collection_id, count(*) as faces from changed group by collection_id) as g
    join collection using (collection_id)
    order by g.collection_id
    on conflict (collection_id, part) do update set faces = gallery_size.faces + excluded.faces;
    insert into gallery_day (collection_id, day, part, enrolled, erased)
    select
        g.collection_id, (clock_timestamp() at time zone 'UTC')::date, pg_backend_pid() % 32,
        case when sign = 1 then g.faces else 0 end, case when sign = 1 then 0 else g.faces end
    from (select collection_id, count(*) as faces from changed group by collection_id) as g
    join collection using (collection_id)
    order by g.collection_id
    on conflict (collection_id, day, part) do update set
        enrolled = gallery_day.enrolled + excluded.enrolled, erased = gallery_day.erased + excluded.erased;
    return null;
end
$$;
create trigger counted_in after insert on face referencing new table as changed
    for each statement execute function count_faces();
create trigger counted_out after delete on face referencing old table as changed
    for each statement execute function count_faces();

create function count_subjects() returns trigger language plpgsql as $$
begin
    if coalesce(current_setting('countenance.whole_collection', true), '') = 'on' then
        return null;
    end if;
    insert into gallery_size (collection_id, part, users)
    select g.collection_id, pg_backend_pid() % 32, case when tg_op = 'INSERT' then g.users else -g.users end
    from (select collection_id, count(*) as users from changed group by collection_id) as g
    join collection using (collection_id)
    order by g.collection_id
    on conflict (collection_id, part) do update set users = gallery_size.users + excluded.users;
    return null;
end
$$;
create trigger counted_in after insert on subject referencing new table as changed
    for each statement execute function count_subjects();
create trigger counted_out after delete on subject referencing old table as changed
    for each statement execute function count_subjects();

-- What was there before: when a face was enrolled is known, what was erased is not.
insert into gallery_size (collection_id, part, faces, users)
select
    collection_id, 0,
    (select count(*) from face as f where f.collection_id = c.collection_id),
    (select count(*) from subject as s where s.collection_id = c.collection_id)
from collection as c;
insert into gallery_day (collection_id, day, part, enrolled)
select collection_id, (created_at at time zone 'UTC')::date, 0, count(*) from face group by 1, 2;
