-- Terms that are enforced (docs/adr/0012): who an account is, what it accepted, what it may do and for whom,
-- and what is held against it. Names of people and reasons in words stand here and not in the log.

-- The first account is the house: whoever runs this server. Its officers decide about the others.
alter table account add column is_house boolean not null default false;
create unique index one_house on account (is_house) where is_house;
update account set is_house = true
where account_id = (select account_id from account order by created_at, account_id limit 1);

-- What kind of organisation it is; policy knows what each may never have.
alter table account add column profile text not null default 'general' check (profile in (
    'general', 'business', 'public_body', 'research', 'identity_proofing', 'law_enforcement',
    'immigration_enforcement'
));
-- The worst of its own standing and what suspensions upstream carry to it: a second, independent check.
alter table account add column effective_standing text not null default 'good'
    check (effective_standing in ('pending', 'good', 'restricted', 'suspended', 'terminated'));
update account set effective_standing = standing;

-- Who may decide for the house: named people, each with keys of their own. What they did stays when they go.
create table officer (
    name text primary key check (length(name) between 1 and 128),
    role text not null check (length(role) between 1 and 128),
    added_at timestamptz not null default clock_timestamp(),
    removed_at timestamptz
);

-- A key is for one account, one operator and one purpose; without a purpose it moves no face.
alter table access_key add column purpose text check (purpose ~ '^[a-z][a-z-]{2,63}$');
alter table access_key add column officer text references officer;
-- Of a temporary key: case, beneficiary and what its holder attests, sealed; never in clear beside the account.
alter table access_key add column sealed_claims bytea;
alter table access_key add check (sealed_claims is null or access_key_id like 'ASIA%');

-- Acceptance names the document, its version and its digest, so that nobody can say another text was meant.
alter table terms_acceptance drop constraint terms_acceptance_pkey;
alter table terms_acceptance add column document text not null default 'before-0012';
alter table terms_acceptance add column role text not null default '';
alter table terms_acceptance add column digest text not null default '';
alter table terms_acceptance add primary key (account_id, document, terms_version, accepted_at);

-- When this server first saw a version of the terms: a grace period counts from what can be shown.
create table terms_version (
    document text not null,
    version text not null,
    digest text not null,
    first_seen_at timestamptz not null default clock_timestamp(),
    primary key (document, version)
);

-- A purpose that an account asked for, and what people said to it.
create table purpose_request (
    request_id uuid primary key default gen_random_uuid(),
    account_id text not null references account,
    purpose text not null,
    justification text not null check (length(justification) between 1 and 2048),
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    status text not null default 'pending' check (status in ('pending', 'approved', 'refused', 'withdrawn')),
    decided_at timestamptz,
    expires_at timestamptz
);
create index purpose_request_by_account on purpose_request (account_id, purpose);
create unique index one_open_request on purpose_request (account_id, purpose) where status in ('pending', 'approved');
create table purpose_vote (
    request_id uuid not null references purpose_request,
    officer text not null references officer,
    decision text not null check (decision in ('approve', 'refuse', 'withdraw')),
    reason text not null default '',
    at timestamptz not null default clock_timestamp(),
    primary key (request_id, officer, decision)
);

-- What an account has on file: a notice, a policy, a report, an order. A statement of the account, with where
-- it can be read, its digest and its end; the log has it as an attestation.
create table account_record (
    record_id uuid primary key default gen_random_uuid(),
    account_id text not null references account,
    kind text not null check (kind ~ '^[a-z][a-z0-9_]{2,63}$'),
    reference text not null check (length(reference) between 1 and 1024),
    digest text check (digest ~ '^[0-9a-f]{64}$'),
    recorded_by text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    valid_until timestamptz,
    withdrawn_at timestamptz
);
create index account_record_by_account on account_record (account_id, kind);

-- Whose operators are trained, and until when.
create table training (
    account_id text not null references account,
    operator text not null check (length(operator) between 1 and 128),
    trained_at timestamptz not null default clock_timestamp(),
    valid_until timestamptz not null,
    recorded_by text not null,
    primary key (account_id, operator, trained_at)
);

-- Who supplies whom, who acts for whom. Service flows from `upstream` to `downstream`; so does a suspension.
create table relation (
    relation_id uuid primary key default gen_random_uuid(),
    kind text not null check (kind in ('supplied_by', 'acts_for')),
    upstream text not null references account,
    downstream text not null references account,
    declared_by text not null,
    declared_at timestamptz not null default clock_timestamp(),
    upstream_confirmed_at timestamptz,
    downstream_confirmed_at timestamptz,
    officer_confirmed_at timestamptz,
    ended_at timestamptz,
    check (upstream <> downstream)
);
create index relation_by_upstream on relation (upstream) where ended_at is null;
create index relation_by_downstream on relation (downstream) where ended_at is null;
create unique index one_relation on relation (kind, upstream, downstream) where ended_at is null;
create view relation_in_force as
    select * from relation
    where ended_at is null
        and (officer_confirmed_at is not null
            or (upstream_confirmed_at is not null and downstream_confirmed_at is not null));

-- What a detector or a person found, with the entries of the log that show it.
create table finding (
    finding_id uuid primary key default gen_random_uuid(),
    account_id text not null references account,
    detector text not null,
    severity text not null check (severity in ('notice', 'restrict', 'suspend')),
    summary text not null,
    evidence jsonb not null,
    fingerprint text not null,
    found_at timestamptz not null default clock_timestamp(),
    status text not null default 'open' check (status in ('open', 'confirmed', 'lifted')),
    decide_by timestamptz,
    decided_by text,
    decided_at timestamptz,
    reason text
);
create unique index finding_once on finding (account_id, fingerprint);
create index finding_open on finding (decide_by) where status = 'open';

-- Every step of an account's standing, who took it and why; the newest is in force.
create table standing_change (
    change_id bigint generated always as identity primary key,
    account_id text not null references account,
    from_standing text not null,
    to_standing text not null,
    reason text not null,
    finding_id uuid references finding,
    appeal_id uuid,
    decided_by text not null,
    second_officer text,
    event_id uuid not null,
    at timestamptz not null default clock_timestamp()
);
create index standing_change_by_account on standing_change (account_id, change_id);
-- A first officer's word for a termination, waiting for the second's.
create table termination_proposal (
    account_id text primary key references account,
    officer text not null references officer,
    reason text not null,
    at timestamptz not null default clock_timestamp()
);

create table appeal (
    appeal_id uuid primary key default gen_random_uuid(),
    account_id text not null references account,
    change_id bigint not null references standing_change,
    statement text not null check (length(statement) between 1 and 8192),
    submitted_by text not null,
    submitted_at timestamptz not null default clock_timestamp(),
    status text not null default 'open' check (status in ('open', 'granted', 'dismissed')),
    decided_by text references officer,
    decided_at timestamptz,
    reason text
);
create unique index one_open_appeal on appeal (account_id) where status = 'open';
alter table standing_change add foreign key (appeal_id) references appeal;

-- A collection's charter: what may be done with it, for good. Purposes are never widened.
create table charter (
    collection_id uuid primary key references collection on delete cascade,
    purposes text[] not null check (cardinality(purposes) > 0),
    kind text not null check (kind in ('consented', 'enrolled', 'watch_list', 'reference')),
    legal_basis text not null default '' check (length(legal_basis) <= 1024),
    face_cap bigint not null check (face_cap > 0),
    retention_days integer check (retention_days > 0),
    minors_allowed boolean not null,
    written_at timestamptz not null default clock_timestamp()
);

-- Rule packs of this server: which, how, and for whom. Every process compares the epoch before a decision.
create table pack_activation (
    pack text primary key,
    version text not null,
    digest text not null,
    mode text not null check (mode in ('enforce', 'shadow')),
    accounts text[],
    activated_by text not null,
    activated_at timestamptz not null default clock_timestamp()
);
create table policy_epoch (one boolean primary key default true check (one), epoch bigint not null default 1);
insert into policy_epoch default values;
create function next_policy_epoch() returns trigger language plpgsql as $$
begin
    update policy_epoch set epoch = epoch + 1;
    return null;
end
$$;
create trigger new_epoch after insert or update or delete on pack_activation
    for each statement execute function next_policy_epoch();

-- What detectors look at: one row for each call that used a face, by the account's pseudonym, for weeks and
-- not for good. What it says is sealed under the account's key; no picture, no template, no score of a face.
create table observation (
    event_id uuid primary key,
    account bytea not null check (octet_length(account) = 16),
    purpose text not null,
    kind text not null check (kind in ('search', 'enrol', 'compare', 'analyse')),
    at timestamptz not null default clock_timestamp(),
    sealed bytea not null
);
create index observation_by_account on observation (account, purpose, at);
create index observation_by_time on observation using brin (at);

-- Recording and changing an account's standing take turns, account by account: many recordings at once, no
-- standing change among them. So no call of a suspended account is recorded behind its suspension, and the
-- order of the log shows it. A function, because each of its statements sees what was committed before it.
create function account_lock(account text) returns bigint language sql immutable as $$
    select hashtextextended('account/' || account, 0)
$$;
create function record_in_force(
    call_event uuid, call_account text, call_key text, seen_standing text, seen_effective text,
    beneficiaries text[], pseudonym bytea, call_entry bytea, call_sealed bytea,
    tags bytea[], commitments bytea[], touches bytea[],
    observed_purpose text, observed_kind text, observed bytea
) returns bigint language plpgsql as $$
declare
    recorded bigint;
begin
    -- In the order of accounts, as whoever changes a standing takes them.
    perform pg_advisory_xact_lock_shared(account_lock(account))
    from (select unnest(beneficiaries || call_account) as account order by 1) as concerned;
    insert into audit_event (event_id, account, entry, sealed)
    select call_event, pseudonym, call_entry, call_sealed
    from access_key as k
    join account as a using (account_id)
    left join access_key as p on p.access_key_id = k.parent_access_key_id
    where k.access_key_id = call_key
        and a.standing = seen_standing
        and a.effective_standing = seen_effective
        -- A key may revoke itself, hence the look at which transaction did it.
        and (k.revoked_at is null or k.xmin = pg_current_xact_id()::xid)
        and (p.revoked_at is null or p.xmin = pg_current_xact_id()::xid)
        -- An officer may suspend whom the house acts for, hence the same look.
        and not exists (
            select 1 from account as b
            where b.account_id = any(beneficiaries) and b.xmin <> pg_current_xact_id()::xid
                and (b.standing <> 'good' or b.effective_standing <> 'good'
                     or b.profile = 'immigration_enforcement')
        );
    get diagnostics recorded = row_count;
    if recorded = 1 then
        insert into audit_touch (event_id, position, tag, commitment, sealed)
        select call_event, position - 1, tag, commitment, touch.sealed
        from unnest(tags, commitments, touches) with ordinality as touch (tag, commitment, sealed, position);
        if observed is not null then
            insert into observation (event_id, account, purpose, kind, sealed)
            values (call_event, pseudonym, observed_purpose, observed_kind, observed);
        end if;
    end if;
    return recorded;
end
$$;

-- Whose signatures on packs are trusted beside those that came with the program.
create table pack_issuer (
    vkey text primary key,
    trusted_by text not null,
    trusted_at timestamptz not null default clock_timestamp()
);
create trigger new_epoch after insert or update or delete on pack_issuer
    for each statement execute function next_policy_epoch();

-- Collections of before there were charters: for what the account tried then, and for nothing that needs more.
insert into charter (collection_id, purposes, kind, legal_basis, face_cap, retention_days, minors_allowed)
select
    collection_id, array['development', 'photo-library'], 'consented', 'made before there were charters',
    20000000, null, true
from collection;
