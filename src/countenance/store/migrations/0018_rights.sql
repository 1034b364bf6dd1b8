-- The person's side (docs/adr/0035): codes by which people are known for their own faces, what they ask for, what
-- they consented to, and what the law wants kept. Nothing biometric.

-- A code is kept as a keyed hash. It stands for faces by their ids, which are random and never used again; or for a
-- user, and that is the user of then: one who is made later under the same id is somebody else.
create table enrolment_code (
    code_id uuid primary key,
    digest bytea not null unique check (octet_length(digest) = 32),
    account_id text not null references account,
    collection_id uuid not null references collection on delete cascade,
    face_ids uuid[] not null default '{}',
    user_id text collate "C",
    user_made_at timestamptz,
    issued_by text not null check (length(issued_by) between 1 and 128),
    issued_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz,
    check ((cardinality(face_ids) = 0) = (user_id is not null)),
    check ((user_id is null) = (user_made_at is null))
);
create index enrolment_code_by_collection on enrolment_code (collection_id) where revoked_at is null;

-- Codes that were shown and not known, for the limit; committed though the call is refused.
create table code_attempt (
    attempt_id bigint generated always as identity primary key,
    place text not null,
    at timestamptz not null default clock_timestamp(),
    was_known boolean not null default false
);
create index code_attempt_by_place on code_attempt (place, at);
create index code_attempt_by_time on code_attempt using brin (at);

-- What somebody asked for. It outlives the faces, and says when they were erased; no reference to the collection, so
-- that it outlives that as well.
create table subject_request (
    request_id uuid primary key,
    account_id text not null references account,
    region text not null,
    collection_id uuid not null,
    collection text collate "C" not null,
    kind text not null check (kind in ('access', 'erasure', 'objection', 'withdrawal')),
    face_ids uuid[] not null,
    user_id text collate "C",
    user_made_at timestamptz,
    identified_by text not null check (identified_by in ('code', 'operator')),
    code_id uuid references enrolment_code on delete set null,
    attestation text not null default '' check (length(attestation) <= 2048),
    opened_by text not null check (length(opened_by) between 1 and 128),
    opened_at timestamptz not null default clock_timestamp(),
    due_at timestamptz not null,
    extended_at timestamptz,
    extension_reason text check (length(extension_reason) between 1 and 2048),
    status text not null default 'open' check (status in ('open', 'granted', 'refused')),
    decided_at timestamptz,
    decided_by text,
    reason text check (length(reason) between 1 and 2048),
    erased_ids uuid[],
    receipt text,
    check ((identified_by = 'operator') = (attestation <> '')),
    check ((status = 'open') = (decided_at is null)),
    check ((extended_at is null) = (extension_reason is null))
);
create index subject_request_by_account on subject_request (account_id, opened_at);
create index subject_request_open on subject_request (due_at) where status = 'open';
create index subject_request_by_code on subject_request (code_id) where code_id is not null;

-- A consent by the reference that the account gives it: known by a keyed hash, the words sealed under the master key.
create table consent (
    consent_id text primary key,
    account_id text not null references account,
    digest bytea not null check (octet_length(digest) = 32),
    sealed_reference bytea not null,
    recorded_by text not null check (length(recorded_by) between 1 and 128),
    recorded_at timestamptz not null default clock_timestamp(),
    withdrawn_at timestamptz,
    withdrawn_by text,
    unique (account_id, digest)
);
create table consent_face (
    consent_id text not null references consent,
    collection_id uuid not null,
    face_id uuid not null,
    primary key (consent_id, collection_id, face_id),
    foreign key (collection_id, face_id) references face on delete cascade
);
create index consent_face_by_face on consent_face (collection_id, face_id);

-- Faces that must be kept. The reference without a cascade is what holds them: whatever deletes a held face fails,
-- also what has not been taught to look first.
create table legal_hold (
    hold_id uuid primary key,
    account_id text not null references account,
    collection text collate "C" not null,
    reason text not null check (length(reason) between 1 and 2048),
    put_by text not null,
    put_at timestamptz not null default clock_timestamp(),
    released_at timestamptz,
    released_by text,
    release_reason text check (length(release_reason) between 1 and 2048),
    check ((released_at is null) = (released_by is null))
);
create index legal_hold_by_account on legal_hold (account_id, put_at);
create table legal_hold_face (
    hold_id uuid not null references legal_hold,
    collection_id uuid not null,
    face_id uuid not null,
    primary key (hold_id, collection_id, face_id),
    foreign key (collection_id, face_id) references face
);
create index legal_hold_face_by_face on legal_hold_face (collection_id, face_id);

-- Somebody who objects may have a template kept by which they are recognised and left alone: only with their own
-- explicit consent to that, and for nothing else. Under a key of its own outside the database, which is destroyed
-- when they take the consent back.
create table objection (
    objection_id uuid primary key,
    account_id text not null references account,
    request_id uuid not null references subject_request,
    face_model_version text not null,
    sealed_template bytea not null,
    consent text not null check (length(consent) between 1 and 2048),
    kept_at timestamptz not null default clock_timestamp(),
    kept_by text not null
);
create index objection_by_account on objection (account_id, face_model_version);
create index objection_by_request on objection (request_id);
