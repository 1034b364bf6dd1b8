-- lock_log --
select origin, size from audit_log for update;

-- drop_cosignatures --
delete from audit_cosignature;

-- drop_checkpoints --
-- They are of the log of before, and kept where the new one cites them, in mirrors and with witnesses.
delete from audit_checkpoint;

-- rename_log --
update audit_log set origin = %(origin)s, unsigned_since = clock_timestamp();

-- retire_all_keys --
update audit_key set retires_at = clock_timestamp() where retires_at is null or retires_at > clock_timestamp();

-- list_log_keys --
select vkey from audit_key where use = 'log' order by key_id;
