-- Reports for the public, as they were published (docs/operations/reports.md). Whoever asks is given all of it.
-- Two reports over one day would tell by their difference what each of them withholds.
create table public_report (
    period_from date primary key,
    period_to date not null check (period_to > period_from),
    log_size bigint not null check (log_size > 0),
    root bytea not null check (octet_length(root) = 32),
    digest bytea not null check (octet_length(digest) = 32),
    report bytea not null check (octet_length(report) <= 16777216),
    page text not null,
    checkpoint text not null,
    published_at timestamptz not null default clock_timestamp(),
    exclude using gist (daterange(period_from, period_to) with &&)
);

-- What people took back, noted as erasures are (migration 0005): a restored backup must not bring it back.
alter table erasure drop constraint erasure_kind_check;
alter table erasure add constraint erasure_kind_check
    check (kind in ('face', 'collection', 'user', 'account', 'vault', 'objection', 'consent'));
alter table erasure add column what text;

create function note_forgotten_objections() returns trigger language plpgsql as $$
begin
    insert into erasure (kind, what) select 'objection', objection_id::text from erased;
    return null;
end
$$;
create trigger erased after delete on objection referencing old table as erased
    for each statement execute function note_forgotten_objections();

create function note_withdrawn_consent() returns trigger language plpgsql as $$
begin
    -- With what it is known by: the backup may be of before it was given.
    insert into erasure (kind, what)
    values ('consent', new.consent_id || ' ' || new.account_id || ' ' || encode(new.digest, 'hex'));
    return null;
end
$$;
create trigger withdrawn after update of withdrawn_at on consent for each row
    when (old.withdrawn_at is null and new.withdrawn_at is not null)
    execute function note_withdrawn_consent();

-- Of one kind one request at a time is open by a code, however often the form is sent. Of those that were opened twice the
-- first stays the code's; the others stay the account's, and are decided as any.
update subject_request as r set code_id = null
where r.status = 'open' and r.code_id is not null
    and exists (
        select 1 from subject_request as first
        where first.code_id = r.code_id and first.kind = r.kind and first.status = 'open'
            and (first.opened_at, first.request_id) < (r.opened_at, r.request_id)
    );
create unique index one_open_request_of_code on subject_request (code_id, kind) where status = 'open';
