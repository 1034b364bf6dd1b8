-- Passkeys, and who vouches for an operator (docs/adr/0033).

-- A key pair that an authenticator keeps for one operator at one address; we have the public half.
create table passkey (
    credential_id bytea primary key check (octet_length(credential_id) between 16 and 1023),
    operator_id text collate "C" not null references operator,
    -- the address (WebAuthn's RP id) that it works at, and no other
    place text not null check (length(place) between 1 and 253),
    name text not null check (length(name) between 1 and 64),
    public_key bytea not null check (octet_length(public_key) between 16 and 4096),
    -- how often it signed, as its authenticator says; 0 for ever where that does not count
    sign_count bigint not null check (sign_count >= 0),
    added_at timestamptz not null default clock_timestamp(),
    used_at timestamptz,
    -- the counter went back: there may be two of it, and neither is taken any more
    copied_at timestamptz,
    -- when a try that did not hold was last recorded
    refused_at timestamptz
);
create index passkey_by_operator on passkey (operator_id);

-- Challenges that were answered: none counts twice.
create table passkey_challenge (
    digest bytea primary key check (octet_length(digest) = 32),
    ends_at timestamptz not null
);
create index passkey_challenge_by_end on passkey_challenge (ends_at);

-- Whoever invites may take up the invitation: until somebody else says that they are a person of their own, an
-- operator who was invited over the network is nobody's second pair of eyes.
-- `invited_by`: 'machine', the operator_id of an inviter who is vouched for, or 'unknown'.
alter table operator add column invited_by text collate "C";
alter table operator add column brought_in_by text collate "C";
alter table operator add column vouched_by text collate "C";
alter table operator add column vouched_at timestamptz
    check ((vouched_by is null) = (vouched_at is null));
