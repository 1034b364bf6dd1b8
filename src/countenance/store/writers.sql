-- new_transaction --
-- A number of its own: all that are given out from now on are higher.
select pg_current_xact_id()::text;

-- have_ended --
-- Whether every transaction up to that one has.
select pg_snapshot_xmin(pg_current_snapshot()) > %(transaction_id)s::xid8;
