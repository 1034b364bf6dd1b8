-- Human review (docs/adr/0034): cases, searches whose candidates are held, and what examiners say of them.

-- What a search is for. Name, reason, legal basis and references are sealed; the digest finds a name again.
create table review_case (
    case_id text collate "C" primary key default gen_random_uuid()::text,
    account_id text not null references account,
    name_digest bytea not null check (octet_length(name_digest) = 32),
    purpose text not null,
    sealed_told bytea not null,
    opened_by text not null check (length(opened_by) between 1 and 128),
    opened_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    closed_at timestamptz,
    -- of an urgent one: without its authorisation by then, all of it is purged
    authorize_by timestamptz,
    authorized_at timestamptz,
    evidence_signed_by text,
    outcome text check (outcome in ('no_lead', 'lead_not_used', 'lead_used', 'used_for_arrest')),
    outcome_at timestamptz,
    check (expires_at > opened_at),
    check ((outcome is null) = (outcome_at is null))
);
create unique index one_open_case_of_a_name on review_case (account_id, purpose, name_digest)
    where closed_at is null;
create index review_case_by_account on review_case (account_id, opened_at, case_id);

-- A search whose candidates people look at first, sealed under a key of its own outside the database. A planted
-- one is an exercise with a known answer, which is told to nobody as such.
create table review (
    review_id uuid primary key,
    account_id text not null references account,
    case_id text collate "C" references review_case,
    purpose text not null,
    operation text not null,
    requested_by text not null,
    is_planted boolean not null,
    status text not null check (status in ('waiting', 'released', 'purged')),
    opened_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    decided_at timestamptz,
    candidates integer not null check (candidates > 0),
    -- the whole request, and whose face it looks for where: an account's keyed digests
    request_digest bytea not null check (octet_length(request_digest) = 32),
    probe_digest bytea not null check (octet_length(probe_digest) = 32),
    event_id uuid not null,
    sealed_held bytea,
    sealed_released bytea,
    check (status <> 'purged' or (sealed_held is null and sealed_released is null)),
    check (status <> 'waiting' or sealed_held is not null)
);
-- INVARIANT: while one waits, no second search for the same face there: thresholds would tell its similarity.
create unique index one_review_waits_for_a_probe on review (account_id, probe_digest)
    where status = 'waiting' and not is_planted;
create index review_by_request on review (account_id, request_digest) where status = 'released';
create index review_by_case on review (case_id) where case_id is not null;
create index review_by_status on review (account_id, status, opened_at);

-- Enrolled faces whose pictures a review holds: it ends with any of them.
create table review_face (
    review_id uuid not null references review on delete cascade,
    collection_id uuid not null,
    face_id uuid not null,
    primary key (review_id, collection_id, face_id),
    foreign key (collection_id, face_id) references face on delete cascade
);
create index review_face_by_face on review_face (collection_id, face_id);

create function end_review_of_face() returns trigger language plpgsql as $$
begin
    update review set status = 'purged', sealed_held = null, sealed_released = null
    where review_id = old.review_id and status <> 'purged';
    return null;
end
$$;
create trigger ends_review after delete on review_face for each row execute function end_review_of_face();

-- One examiner's seat at a review: what they said is sealed with it, the figures stay for their record.
create table examination (
    review_id uuid not null references review on delete cascade,
    operator_id text collate "C" not null references operator,
    began_at timestamptz not null default clock_timestamp(),
    submitted_at timestamptz,
    -- place i of the list shows candidate presented[i], from 0
    presented integer[] not null,
    sealed_verdicts bytea,
    -- candidates, once all is decided: as the other of the first two said; unlike two others; of known answers
    agreed integer,
    reversed integer,
    hits integer,
    misses integer,
    false_alarms integer,
    correct_rejections integer,
    primary key (review_id, operator_id)
);
create index examination_by_operator on examination (operator_id);

-- What is there to be looked at or read: whatever is over its time is not, deleted already or not.
create view living_review as
select r.*
from review as r
left join review_case as c using (case_id)
where r.status <> 'purged' and r.expires_at > clock_timestamp()
    and (r.case_id is null or (
        c.closed_at is null and c.expires_at > clock_timestamp()
        and (c.authorize_by is null or c.authorized_at is not null or c.authorize_by > clock_timestamp())
    ));
