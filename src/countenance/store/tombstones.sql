-- list_erasures --
select erasure_id, kind, collection_id::text, face_ids::text[], user_id, account_id, what, at
from erasure
order by erasure_id
limit %(limit)s;

-- forget_erasures --
-- A transaction of its own that nobody waits for on the disk.
delete from erasure
where erasure_id = any(%(erasure_ids)s) and (select set_config('synchronous_commit', 'off', true)) is not null;

-- note_account --
insert into erasure (kind, account_id) values ('account', %(account_id)s);
