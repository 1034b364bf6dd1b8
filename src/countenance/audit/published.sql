-- find_checkpoint --
select c.size, c.root, c.note || coalesce(
    (select string_agg(s.line, '' order by s.received_at, s.witness) from audit_cosignature as s where s.size = c.size),
    ''
), c.published_at
from audit_checkpoint as c
where c.published_at is not null and c.size = coalesce(%(size)s, c.size)
order by c.size desc
limit 1;

-- find_place --
-- One statement, one snapshot: an event that moves into the log is seen on one side.
select log_index, sha256('\x00'::bytea || entry) from audit_entry where event_id = %(event_id)s
union all
select null, sha256('\x00'::bytea || entry) from audit_event where event_id = %(event_id)s;

-- list_keys --
select use, vkey, since, retires_at from audit_key order by key_id;
