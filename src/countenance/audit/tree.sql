-- full_tiles --
select level, tile, hashes
from audit_tile
where (level, tile) in (select * from unnest(%(levels)s::smallint[], %(tiles)s::bigint[]));

-- leaf_hashes --
select string_agg(sha256('\x00'::bytea || entry), ''::bytea order by log_index)
from audit_entry
where log_index >= %(start)s and log_index < %(end)s;

-- tile_roots --
select string_agg(root, ''::bytea order by tile)
from audit_tile
where level = %(level)s and tile >= %(start)s and tile < %(end)s;

-- entries --
select entry
from audit_entry
where log_index >= %(start)s and log_index < %(end)s
order by log_index;

-- signed_checkpoint --
select c.size, c.root, c.note || coalesce(
    (select string_agg(s.line, '' order by s.received_at, s.witness) from audit_cosignature as s where s.size = c.size),
    ''
)
from audit_checkpoint as c
order by c.size desc
limit 1;

-- published_checkpoint --
select c.size, c.root, c.note || coalesce(
    (select string_agg(s.line, '' order by s.received_at, s.witness) from audit_cosignature as s where s.size = c.size),
    ''
)
from audit_checkpoint as c
where c.published_at is not null
order by c.size desc
limit 1;
