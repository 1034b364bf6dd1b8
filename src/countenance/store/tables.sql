-- Tables as they are dumped and loaded: those of the current schema, whoever made them. Left out is what says
-- nothing in another database: changes by the numbers of transactions, and what is noted for the tombstone list.

-- list_tables --
select c.relname, array_agg(a.attname::text order by a.attnum)
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and c.relpersistence = 'p'
    and c.relname <> all (array['schema_migration', 'gallery_change', 'erasure', 'unfinished_restore'])
    and not exists (select 1 from pg_depend as d where d.objid = c.oid and d.deptype = 'e')
group by c.relname
order by c.relname;

-- list_migrations --
select number, name, encode(digest, 'hex') from schema_migration order by number;

-- list_sequences --
select sequencename, last_value from pg_sequences
where schemaname = current_schema() and last_value is not null
order by sequencename;

-- find_anything --
select relname from pg_class
where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
order by relname
limit 1;

-- list_references --
select c.relname, r.conname, pg_get_constraintdef(r.oid)
from pg_constraint as r
join pg_class as c on c.oid = r.conrelid
where r.connamespace = current_schema()::regnamespace and r.contype = 'f' and r.conparentid = 0
order by c.relname, r.conname;

-- set_sequence --
select setval(format('%%I', %(name)s::text)::regclass, %(value)s);
