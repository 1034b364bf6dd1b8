-- find_collection --
select collection_id
from collection
where account_id = %(account_id)s and region = %(region)s and name = %(name)s;

-- deletions --
-- A face's own key is gone with it: that it was deleted is sealed under the account's.
with own as (
    select event_id, entry from audit_entry where account = %(account)s
    union all
    select event_id, entry from audit_event where account = %(account)s
)
select t.event_id, t.position, t.sealed
from own
join audit_touch as t using (event_id)
where (
        position('"operation":"DeleteFaces"'::bytea in own.entry) > 0
        or position('"operation":"EraseFaces"'::bytea in own.entry) > 0
        or position('"operation":"ExpireFaces"'::bytea in own.entry) > 0
    )
    and t.tag is null and t.sealed is not null;

-- commitments --
select commitment from audit_touch where event_id = %(event_id)s order by position;
