-- Rejections: see rejections.py. Each that is made, and each that goes, is noted for the galleries in memory by a
-- trigger (migration 0015).

-- find_rejection --
-- Of two faces whichever was named first.
select ordinal, face_id, rejected_user_id, rejected_face_id, reason, rejected_by, rejected_at
from rejection
where collection_id = %(collection_id)s and (
    (face_id = %(face_id)s and rejected_user_id = %(rejected_user_id)s::text)
    or (face_id = %(face_id)s and rejected_face_id = %(rejected_face_id)s::uuid)
    or (face_id = %(rejected_face_id)s::uuid and rejected_face_id = %(face_id)s)
);

-- insert_rejection --
insert into rejection (collection_id, face_id, rejected_user_id, rejected_face_id, reason, rejected_by)
values (
    %(collection_id)s, %(face_id)s, %(rejected_user_id)s, %(rejected_face_id)s, %(reason)s, %(rejected_by)s
)
returning ordinal, face_id, rejected_user_id, rejected_face_id, reason, rejected_by, rejected_at;

-- delete_rejection --
delete from rejection where collection_id = %(collection_id)s and ordinal = %(ordinal)s;

-- lock_rejections --
-- Those that name any of these faces, or the user: they are about to go with them.
select ordinal from rejection
where collection_id = %(collection_id)s and (
    face_id = any(%(face_ids)s) or rejected_face_id = any(%(face_ids)s)
    or rejected_user_id = %(user_id)s::text
)
order by ordinal
for update;

-- count_rejections --
-- Of the collection, of a face, and of another.
select
    (select count(*) from rejection where collection_id = %(collection_id)s),
    (
        select count(*) from rejection
        where collection_id = %(collection_id)s and (face_id = %(face_id)s or rejected_face_id = %(face_id)s)
    ),
    (
        select count(*) from rejection
        where collection_id = %(collection_id)s
            and (face_id = %(rejected_face_id)s::uuid or rejected_face_id = %(rejected_face_id)s::uuid)
    );

-- list_rejections --
select
    r.ordinal, r.face_id, r.rejected_user_id, r.rejected_face_id, r.reason, r.rejected_by, r.rejected_at
from rejection as r
join face as f using (collection_id, face_id)
left join face as g on g.collection_id = r.collection_id and g.face_id = r.rejected_face_id
where r.collection_id = %(collection_id)s and r.ordinal > %(after)s
    and (
        %(face_id)s::uuid is null or r.face_id = %(face_id)s::uuid or r.rejected_face_id = %(face_id)s::uuid
    )
    and (
        %(user_id)s::text is null or r.rejected_user_id = %(user_id)s::text
        or f.user_id = %(user_id)s::text or g.user_id = %(user_id)s::text
    )
order by r.ordinal
limit %(limit)s;

-- read_pairs --
-- All of the collection, and the moment.
select
    pg_current_snapshot()::text, now(), null::uuid,
    p.face_id, p.user_id, p.rejected_face_id, p.rejected_user_id, p.rejected_face_user_id
from (values (1)) as always (one)
left join (
    select r.face_id, f.user_id, r.rejected_face_id, r.rejected_user_id, g.user_id as rejected_face_user_id
    from rejection as r
    join face as f using (collection_id, face_id)
    left join face as g on g.collection_id = r.collection_id and g.face_id = r.rejected_face_id
    where r.collection_id = %(collection_id)s
) as p on true;

-- read_pairs_since --
-- Faces whose rejections, or whose user, changed since a moment, with the rejections that name them now.
select
    pg_current_snapshot()::text, now(), changed.face_id,
    p.face_id, p.user_id, p.rejected_face_id, p.rejected_user_id, p.rejected_face_user_id
from (values (1)) as always (one)
left join (
    select distinct face_id
    from gallery_change
    where collection_id = %(collection_id)s and kind in ('assigned', 'corrected')
        and transaction_id >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
        and not pg_visible_in_snapshot(transaction_id, %(snapshot)s::pg_snapshot)
) as changed on true
left join lateral (
    select r.face_id, f.user_id, r.rejected_face_id, r.rejected_user_id, g.user_id as rejected_face_user_id
    from rejection as r
    join face as f using (collection_id, face_id)
    left join face as g on g.collection_id = r.collection_id and g.face_id = r.rejected_face_id
    where r.collection_id = %(collection_id)s
        and (r.face_id = changed.face_id or r.rejected_face_id = changed.face_id)
) as p on true;

-- read_pairs_of --
-- Those that name any of these faces, or any of these users or a face of theirs.
select r.face_id, f.user_id, r.rejected_face_id, r.rejected_user_id, g.user_id
from rejection as r
join face as f using (collection_id, face_id)
left join face as g on g.collection_id = r.collection_id and g.face_id = r.rejected_face_id
where r.collection_id = %(collection_id)s and (
    r.face_id = any(%(face_ids)s) or r.rejected_face_id = any(%(face_ids)s)
    or r.rejected_user_id = any(%(user_ids)s::text[])
    or f.user_id = any(%(user_ids)s::text[]) or g.user_id = any(%(user_ids)s::text[])
);
