-- The log that anyone can verify (docs/spec/audit-log.md, docs/adr/0011).

-- What was recorded before there was a log: kept, and committed to by the log's first entry.
alter table audit_event rename to audit_event_before_log;
alter table audit_event_before_log rename constraint audit_event_pkey to audit_event_before_log_pkey;
alter index audit_event_by_account rename to audit_event_before_log_by_account;

-- Random bytes of every face and user, one half of the key under which entries that touch them are sealed;
-- the other half is never in PostgreSQL. Two random UUIDs are 244 random bits.
alter table face add column secret bytea not null
    default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
alter table subject add column secret bytea not null
    default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

-- The event of the answer that is kept, sealed under the account's key: in clear it would say whose entry it is.
alter table idempotency add column sealed_event bytea;

-- One row: the log's name, how many entries have a place in it, and since when some of them are under no
-- signed checkpoint.
create table audit_log (
    one boolean primary key default true check (one),
    origin text not null check (origin ~ '^[^\s+]{1,200}$'),
    size bigint not null default 0 check (size >= 0),
    unsigned_since timestamptz,
    opened_at timestamptz not null default clock_timestamp()
);

-- Signing keys, by their public half. The newest of a use signs; an older one goes on signing checkpoints
-- beside it until it retires. `event_id` is the entry that introduces the key: no checkpoint is signed with a
-- key that is not in the log below it.
create table audit_key (
    key_id bigint generated always as identity primary key,
    use text not null check (use in ('log', 'receipt')),
    vkey text not null unique,
    event_id uuid not null,
    since timestamptz not null default clock_timestamp(),
    retires_at timestamptz
);

-- Durable events without a place in the log yet: the sequencer moves them, within seconds.
create table audit_event (
    event_id uuid primary key,
    recorded_at timestamptz not null default clock_timestamp(),
    transaction_id xid8 not null default pg_current_xact_id(),
    account bytea check (octet_length(account) = 16),
    entry bytea not null check (octet_length(entry) between 2 and 4096),
    sealed bytea
);
create index audit_event_by_time on audit_event (recorded_at, event_id); -- the order in which they are moved

-- The log. `entry` is what is hashed, byte for byte; `account` is the pseudonym that stands in it.
create table audit_entry (
    log_index bigint primary key check (log_index >= 0),
    event_id uuid not null unique,
    transaction_id xid8 not null,
    account bytea,
    entry bytea not null,
    sealed bytea
);
create index audit_entry_by_account on audit_entry (account, log_index) where account is not null;
create index audit_entry_of_nobody on audit_entry (log_index) where account is null; -- what the log says of itself

-- Events whose id had a place in the log already: the log has the first of that id, and an alarm for these.
create table audit_set_aside (
    event_id uuid not null,
    entry bytea not null,
    sealed bytea,
    at timestamptz not null default clock_timestamp()
);

-- Whom an event touched: a commitment for each, in order. The opening is sealed under the key of the face or
-- user, and found by a tag that only that key gives, another one for each hour, so that without the key it is
-- not seen which searches touched the same face. What a row's entry says (when, how many) it does not hide.
create table audit_touch (
    event_id uuid not null,
    position integer not null,
    tag bytea,
    commitment bytea not null check (octet_length(commitment) = 32),
    sealed bytea,
    primary key (event_id, position)
);
create index audit_touch_by_tag on audit_touch (tag) where tag is not null;

-- Full tiles of 256 hashes and their roots (c2sp.org/tlog-tiles); what is not full is computed.
create table audit_tile (
    level smallint not null check (level between 0 and 7),
    tile bigint not null check (tile >= 0),
    hashes bytea not null check (octet_length(hashes) = 8192),
    root bytea not null check (octet_length(root) = 32),
    primary key (level, tile)
);
alter table audit_tile alter column hashes set storage external; -- hashes do not compress

create table audit_checkpoint (
    size bigint primary key,
    root bytea not null check (octet_length(root) = 32),
    note text not null,
    signed_at timestamptz not null default clock_timestamp(),
    published_at timestamptz
);
create index audit_checkpoint_published on audit_checkpoint (size) where published_at is not null;
create table audit_cosignature (
    size bigint not null references audit_checkpoint,
    witness text not null,
    line text not null,
    received_at timestamptz not null default clock_timestamp(),
    primary key (size, witness)
);

-- Who may read everybody's entries, pseudonymous as they are. The token itself is not kept.
create table auditor (
    name text primary key check (length(name) between 1 and 128),
    token_digest bytea not null unique check (octet_length(token_digest) = 32),
    created_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz,
    read_recorded_at timestamptz -- when the last entry that tells of the auditor's reading was written
);

-- Against accidents, not against the owner of the database: what has a place in the log stays as it is.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger append_only before update or delete or truncate on audit_entry
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on audit_tile
    for each statement execute function refuse_change();
