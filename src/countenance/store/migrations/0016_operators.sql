-- Operators: people who work for an account and sign in by themselves (docs/adr/0033). What one may do follows
-- from their roles; what they did stays when they go.
create table operator (
    operator_id text collate "C" primary key default gen_random_uuid()::text,
    account_id text not null references account,
    name text not null check (length(name) between 1 and 128),
    roles text[] not null check (
        cardinality(roles) between 1 and 8
        and roles <@ array['administrator', 'auditor', 'developer', 'examiner', 'officer']
    ),
    added_by text not null check (length(added_by) between 1 and 128),
    added_at timestamptz not null default clock_timestamp(),
    removed_at timestamptz,
    -- an invitation lets its holder choose a password once
    invitation_digest bytea check (octet_length(invitation_digest) = 32),
    invited_until timestamptz,
    password_hash text,
    sealed_totp bytea,
    -- a code counts once: the time step of the last one that was taken
    totp_step bigint not null default 0,
    -- or somebody else says who it is: an OpenID provider, by issuer and subject
    oidc_issuer text check (length(oidc_issuer) between 1 and 1024),
    oidc_subject text check (length(oidc_subject) between 1 and 255),
    failures integer not null default 0,
    locked_until timestamptz,
    check ((invitation_digest is null) = (invited_until is null)),
    check ((password_hash is null) = (sealed_totp is null)),
    check ((oidc_issuer is null) = (oidc_subject is null))
);
create unique index operator_by_identity on operator (oidc_issuer, oidc_subject)
    where oidc_issuer is not null and removed_at is null;
create unique index one_operator_of_a_name on operator (account_id, name) where removed_at is null;
create unique index operator_by_invitation on operator (invitation_digest) where invitation_digest is not null;

-- A personal key is one person's, and only such a key has roles. Nothing that calls the API can make a lasting one.
alter table access_key add column operator_id text collate "C" references operator;
-- a signed-in browser's, whose secret never leaves this server
alter table access_key add column for_console boolean not null default false check (not for_console or operator_id is not null);
create index access_key_by_operator on access_key (operator_id) where operator_id is not null;

-- A browser that is signed in: it holds a random number, we its digest, and the keys that it acts with, sealed.
create table console_session (
    session_digest text collate "C" primary key check (session_digest ~ '^[0-9a-f]{64}$'),
    operator_id text collate "C" not null references operator,
    access_key_id text collate "C" not null references access_key,
    sealed_keys bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null
);
create index console_session_by_operator on console_session (operator_id);
create index console_session_by_expiry on console_session (expires_at);
