-- How collections grow: see growth.py; kept by a trigger (migration 0020).

-- of_collection --
select day, sum(enrolled)::bigint, sum(erased)::bigint
from gallery_day
where collection_id = %(collection_id)s and day >= %(since)s
group by day
order by day;

-- of_account --
select d.day, sum(d.enrolled)::bigint, sum(d.erased)::bigint
from collection as c
join gallery_day as d using (collection_id)
where c.account_id = %(account_id)s and c.region = %(region)s and d.day >= %(since)s
group by d.day
order by d.day;

-- list_enrolments --
select face_id, created_at, import_id from face
where collection_id = %(collection_id)s and face_id = any(%(face_ids)s::uuid[])
order by face_id;
