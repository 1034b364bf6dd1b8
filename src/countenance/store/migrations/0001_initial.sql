-- Everything the main job stores. Names and ids that callers see are COLLATE "C": order and equality are
-- those of bytes, whatever the server's locale. Templates and secrets arrive sealed; no key is ever here.

-- Which key store the sealed columns were sealed with: one row.
create table key_binding (
    one boolean primary key default true check (one),
    fingerprint bytea not null check (octet_length(fingerprint) = 16),
    bound_at timestamptz not null default clock_timestamp()
);

create table account (
    account_id text primary key check (account_id ~ '^[0-9]{12}$'),
    name text not null check (length(name) between 1 and 256),
    standing text not null default 'good'
        check (standing in ('pending', 'good', 'restricted', 'suspended', 'terminated')),
    created_at timestamptz not null default clock_timestamp()
);

create table access_key (
    access_key_id text collate "C" primary key check (access_key_id ~ '^(AKIA|ASIA)[A-Z2-7]{16}$'),
    account_id text not null references account,
    operator text not null check (length(operator) between 1 and 128),
    sealed_secret bytea not null,
    session_token_digest bytea check (octet_length(session_token_digest) = 32),
    parent_access_key_id text collate "C" references access_key,
    expires_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz,
    -- a temporary key has a token, a parent and an end; a lasting one has none of them
    check (
        (access_key_id like 'ASIA%')
        = (session_token_digest is not null and parent_access_key_id is not null and expires_at is not null)
    ),
    check (
        access_key_id like 'ASIA%'
        or (session_token_digest is null and parent_access_key_id is null and expires_at is null)
    )
);
create index access_key_by_account on access_key (account_id, access_key_id);
create index access_key_by_expiry on access_key (expires_at) where expires_at is not null;

create table terms_acceptance (
    account_id text not null references account,
    officer text not null check (length(officer) between 1 and 256),
    terms_version text not null,
    accepted_at timestamptz not null default clock_timestamp(),
    primary key (account_id, terms_version, accepted_at)
);

create table collection (
    collection_id uuid primary key,
    account_id text not null references account,
    name text collate "C" not null,
    region text not null,
    face_model_version text not null,
    dimensions integer not null check (dimensions > 0),
    created_at timestamptz not null default clock_timestamp(),
    unique (account_id, region, name)
);

create table subject (
    collection_id uuid not null references collection on delete cascade,
    user_id text collate "C" not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (collection_id, user_id)
);

create table face (
    collection_id uuid not null references collection on delete cascade,
    face_id uuid not null,
    image_id uuid not null,
    external_image_id text,
    box_left double precision not null,
    box_top double precision not null,
    box_width double precision not null,
    box_height double precision not null,
    confidence double precision not null,
    user_id text collate "C",
    sealed_template bytea not null,
    ordinal bigint generated always as identity,
    created_at timestamptz not null default clock_timestamp(),
    primary key (collection_id, face_id),
    foreign key (collection_id, user_id) references subject,
    -- the same face of the same photograph under the same name is enrolled once
    unique nulls not distinct
        (collection_id, image_id, external_image_id, box_left, box_top, box_width, box_height)
);
create index face_by_ordinal on face (collection_id, ordinal);
create index face_by_user on face (collection_id, user_id) where user_id is not null;

-- What changed in a gallery and in which transaction. A reader keeps the snapshot that it loaded under and
-- reads the changes that were not visible in it (docs/adr/0004): no counter, so writers never wait for one
-- another. No foreign key: the record that a gallery is gone outlives the gallery.
create table gallery_change (
    change_id bigint generated always as identity primary key,
    collection_id uuid not null,
    transaction_id xid8 not null default pg_current_xact_id(),
    face_id uuid,
    kind text not null,
    at timestamptz not null default clock_timestamp()
);
create index gallery_change_by_transaction on gallery_change (collection_id, transaction_id);
create index gallery_change_by_time on gallery_change using brin (at);

create table tag (
    collection_id uuid not null references collection on delete cascade,
    key text collate "C" not null,
    value text not null,
    primary key (collection_id, key)
);

create table idempotency (
    account_id text not null references account,
    operation text not null,
    token text collate "C" not null,
    input_digest bytea not null,
    response jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (account_id, operation, token)
);
create index idempotency_by_time on idempotency (created_at);

-- One row a call, answered, refused or failed. No image, no template, no name of a person in a gallery.
-- No foreign keys: an event is about what was asked, whether or not it exists.
create table audit_event (
    event_id uuid primary key,
    at timestamptz not null,
    request_id text not null,
    service text not null,
    operation text not null,
    account_id text,
    access_key_id text,
    operator text,
    collection text,
    resource text,
    decision text not null check (decision in ('allow', 'deny', 'none')),
    rule_ids text[] not null,
    policy_digest text not null,
    outcome text not null check (outcome in ('answered', 'refused', 'failed')),
    error_code text,
    model_version text,
    threshold double precision,
    candidates integer,
    idempotent_replay boolean not null
);
create index audit_event_by_account on audit_event (account_id, at);
