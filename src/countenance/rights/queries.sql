-- lock_codes --
select 1 from collection where collection_id = %(collection_id)s for no key update;

-- revoke_codes --
update enrolment_code set revoked_at = clock_timestamp()
where collection_id = %(collection_id)s and revoked_at is null
    and (user_id = %(user_id)s or face_ids && %(face_ids)s::uuid[]);

-- insert_code --
insert into enrolment_code (
    code_id, digest, account_id, collection_id, face_ids, user_id, user_made_at, issued_by
)
values (
    %(code_id)s, %(digest)s, %(account_id)s, %(collection_id)s, %(face_ids)s::uuid[], %(user_id)s, %(user_made_at)s,
    %(issued_by)s
);

-- take_turn --
select pg_advisory_xact_lock(hashtextextended('code/' || %(place)s, 0));

-- count_wrong --
select count(*) from code_attempt
where place = %(place)s and not was_known and at > clock_timestamp() - %(within)s::interval;

-- count_attempt --
insert into code_attempt (place) values (%(place)s) returning attempt_id;

-- settle_attempt --
update code_attempt set was_known = %(was_known)s where attempt_id = %(attempt_id)s;

-- forget_attempts --
delete from code_attempt where at < clock_timestamp() - %(age)s::interval;

-- find_code --
select e.code_id, c.account_id, c.region, c.name, e.collection_id, e.face_ids, e.user_id, e.user_made_at
from enrolment_code as e
join collection as c using (collection_id)
where e.digest = %(digest)s and e.revoked_at is null
    and (%(account_id)s::text is null or e.account_id = %(account_id)s);

-- find_user --
select created_at from subject where collection_id = %(collection_id)s and user_id = %(user_id)s;

-- find_faces --
select face_id from face where collection_id = %(collection_id)s and face_id = any(%(face_ids)s::uuid[]);

-- faces_of_scope --
-- Those of a user only while it is the user of then.
select f.face_id
from face as f
where f.collection_id = %(collection_id)s
    and (
        f.face_id = any(%(face_ids)s::uuid[])
        or (f.user_id = %(user_id)s and exists (
            select 1 from subject as s
            where s.collection_id = f.collection_id and s.user_id = f.user_id and s.created_at = %(user_made_at)s
        ))
    )
order by f.face_id;

-- open_request --
insert into subject_request (
    request_id, account_id, region, collection_id, collection, kind, face_ids, user_id, user_made_at,
    identified_by, code_id, attestation, opened_by, opened_at, due_at
)
select
    %(request_id)s, %(account_id)s, %(region)s, %(collection_id)s, %(collection)s, %(kind)s, %(face_ids)s::uuid[],
    %(user_id)s, %(user_made_at)s, %(identified_by)s, %(code_id)s, %(attestation)s, %(opened_by)s,
    now.at, now.at + interval '1 month'
from (select clock_timestamp() as at) as now
on conflict (code_id, kind) where status = 'open' do nothing;

-- find_open_of_code --
select request_id from subject_request
where code_id = %(code_id)s and kind = %(kind)s and status = 'open';

-- find_request --
select
    request_id, account_id, region, collection, kind, collection_id, face_ids, user_id, user_made_at,
    identified_by, code_id, attestation, opened_by, opened_at, due_at, extended_at, extension_reason,
    status, decided_at, decided_by, reason, erased_ids, receipt
from subject_request
where request_id = %(request_id)s;

-- lock_request --
select status, extended_at from subject_request where request_id = %(request_id)s for update;

-- list_requests --
-- What is due first comes first; what is decided comes last, the newest of it before the rest.
select
    request_id, account_id, region, collection, kind, collection_id, face_ids, user_id, user_made_at,
    identified_by, code_id, attestation, opened_by, opened_at, due_at, extended_at, extension_reason,
    status, decided_at, decided_by, reason, erased_ids, receipt
from subject_request
where (%(account_id)s::text is null or account_id = %(account_id)s)
    and (%(status)s::text is null or status = %(status)s)
    and (%(code_id)s::uuid is null or code_id = %(code_id)s)
    and (not %(is_overdue)s or (status = 'open' and due_at < clock_timestamp()))
order by status <> 'open', case when status = 'open' then due_at end, opened_at desc, request_id
limit 1000;

-- extend_request --
update subject_request set
    extended_at = clock_timestamp(),
    extension_reason = %(reason)s,
    due_at = opened_at + interval '1 month' * (1 + %(months)s)
where request_id = %(request_id)s and due_at > clock_timestamp();

-- settle_request --
update subject_request set
    status = %(status)s,
    decided_at = clock_timestamp(),
    decided_by = %(decided_by)s,
    reason = %(reason)s,
    erased_ids = %(erased_ids)s::uuid[],
    receipt = %(receipt)s
where request_id = %(request_id)s;

-- find_collection --
select collection_id, account_id, name, region, face_model_version, dimensions, created_at
from collection
where collection_id = %(collection_id)s;

-- read_enrolled --
select
    f.face_id, f.created_at, f.external_image_id, f.user_id, h.retention_days, v.kept_until,
    s.face_id is not null,
    exists (select from legal_hold_face as l where l.collection_id = f.collection_id and l.face_id = f.face_id)
from face as f
left join charter as h using (collection_id)
left join vault_crop as v using (collection_id, face_id)
left join shadow_template as s using (collection_id, face_id)
where f.collection_id = %(collection_id)s and f.face_id = any(%(face_ids)s::uuid[])
order by f.face_id;

-- consents_of_faces --
select b.face_id, c.consent_id, c.sealed_reference, c.recorded_at
from consent_face as b
join consent as c using (consent_id)
where b.collection_id = %(collection_id)s and b.face_id = any(%(face_ids)s::uuid[])
order by b.face_id, c.recorded_at;

-- count_left --
-- What there is of faces that are said to be erased: rows of any kind, and what is not on the tombstone list yet.
select
    (select count(*) from face where face_id = any(%(face_ids)s::uuid[]) and collection_id = %(collection_id)s),
    (select count(*) from shadow_template
        where face_id = any(%(face_ids)s::uuid[]) and collection_id = %(collection_id)s),
    (select count(*) from vault_crop
        where face_id = any(%(face_ids)s::uuid[]) and collection_id = %(collection_id)s),
    (select count(*) from erasure
        where collection_id = %(collection_id)s and face_ids && %(face_ids)s::uuid[]);

-- insert_consent --
insert into consent (consent_id, account_id, digest, sealed_reference, recorded_by)
values (%(consent_id)s, %(account_id)s, %(digest)s, %(sealed_reference)s, %(recorded_by)s)
on conflict (account_id, digest) do nothing;

-- hold_consent --
-- Shared, so that enrolments under one consent do not wait for one another, and a withdrawal waits for all.
select consent_id, withdrawn_at from consent
where account_id = %(account_id)s and digest = %(digest)s
for share;

-- find_consent --
select consent_id, withdrawn_at from consent where account_id = %(account_id)s and digest = %(digest)s;

-- lock_consent --
select consent_id, withdrawn_at from consent
where account_id = %(account_id)s and digest = %(digest)s
for update;

-- bind_consent --
insert into consent_face (consent_id, collection_id, face_id)
select %(consent_id)s, %(collection_id)s, f.face_id
from face as f
where f.collection_id = %(collection_id)s and f.face_id = any(%(face_ids)s::uuid[])
on conflict do nothing;

-- withdraw_consent --
update consent set withdrawn_at = clock_timestamp(), withdrawn_by = %(withdrawn_by)s
where consent_id = %(consent_id)s;

-- list_consents --
select
    c.consent_id, c.sealed_reference, c.recorded_by, c.recorded_at, c.withdrawn_at, c.withdrawn_by,
    (select count(*) from consent_face as b where b.consent_id = c.consent_id)
from consent as c
where c.account_id = %(account_id)s
    and (%(after)s::text is null or c.consent_id > %(after)s)
order by c.consent_id
limit %(limit)s;

-- faces_of_consent --
select b.collection_id, array_agg(b.face_id order by b.face_id)
from consent_face as b
where b.consent_id = %(consent_id)s
group by b.collection_id
order by b.collection_id;

-- insert_hold --
insert into legal_hold (hold_id, account_id, collection, reason, put_by)
values (%(hold_id)s, %(account_id)s, %(collection)s, %(reason)s, %(put_by)s);

-- insert_held --
insert into legal_hold_face (hold_id, collection_id, face_id)
select %(hold_id)s, %(collection_id)s, unnest(%(face_ids)s::uuid[]);

-- find_hold --
select account_id from legal_hold where hold_id = %(hold_id)s;

-- lock_hold --
select released_at from legal_hold where hold_id = %(hold_id)s for update;

-- release_hold --
update legal_hold set
    released_at = clock_timestamp(), released_by = %(released_by)s, release_reason = %(reason)s
where hold_id = %(hold_id)s;

-- forget_held --
delete from legal_hold_face where hold_id = %(hold_id)s;

-- list_holds --
select
    h.hold_id, h.account_id, h.collection, h.reason, h.put_by, h.put_at, h.released_at, h.released_by,
    h.release_reason,
    coalesce((select array_agg(f.face_id order by f.face_id) from legal_hold_face as f where f.hold_id = h.hold_id), '{}')
from legal_hold as h
where %(account_id)s::text is null or h.account_id = %(account_id)s
order by h.released_at is not null, h.put_at desc, h.hold_id
limit 1000;

-- forget_user_of_codes --
-- The code goes on for the request; whom the account called what goes with them. No user has an empty id.
update enrolment_code set user_id = ''
where collection_id = %(collection_id)s and user_id = %(user_id)s and user_made_at = %(user_made_at)s;

-- forget_user_of_requests --
update subject_request set user_id = null, user_made_at = null
where collection_id = %(collection_id)s and user_id = %(user_id)s and user_made_at = %(user_made_at)s;

-- lock_consents_of_faces --
-- In one order, so that two who do so do not wait for one another.
select c.consent_id
from consent as c
where c.withdrawn_at is null
    and exists (
        select 1 from consent_face as b
        where b.consent_id = c.consent_id and b.collection_id = %(collection_id)s
            and b.face_id = any(%(face_ids)s::uuid[])
    )
order by c.consent_id
for update;

-- withdraw_consents_of_faces --
-- By somebody's own withdrawal: consents, of those held, by which nobody but these faces is there.
update consent as c set withdrawn_at = clock_timestamp(), withdrawn_by = %(withdrawn_by)s
where c.withdrawn_at is null and c.consent_id = any(%(consent_ids)s::text[])
    and exists (
        select 1 from consent_face as b
        where b.consent_id = c.consent_id and b.collection_id = %(collection_id)s
            and b.face_id = any(%(face_ids)s::uuid[])
    )
    and not exists (
        select 1 from consent_face as b
        where b.consent_id = c.consent_id
            and not (b.collection_id = %(collection_id)s and b.face_id = any(%(face_ids)s::uuid[]))
    );

-- insert_objection --
insert into objection (
    objection_id, account_id, request_id, face_model_version, sealed_template, consent, kept_by
)
values (
    %(objection_id)s, %(account_id)s, %(request_id)s, %(face_model_version)s, %(sealed_template)s, %(consent)s,
    %(kept_by)s
);

-- hold_objections_off --
-- Shared, so that enrolments of one account do not wait for one another. A statement of its own: what is read in the
-- same one is as of before the wait.
select pg_advisory_xact_lock_shared(hashtextextended('objections/' || %(account_id)s, 0));

-- take_objection_turn --
select pg_advisory_xact_lock(hashtextextended('objections/' || %(account_id)s, 0));

-- list_objections --
select objection_id, sealed_template from objection
where account_id = %(account_id)s and face_model_version = %(face_model_version)s
order by objection_id;

-- list_kept --
select request_id, account_id, face_model_version, count(*), min(consent), min(kept_by), min(kept_at)
from objection
where %(account_id)s::text is null or account_id = %(account_id)s
group by request_id, account_id, face_model_version
order by min(kept_at) desc, request_id
limit 1000;

-- tally_requests --
select
    kind,
    count(*),
    count(*) filter (where status = 'granted'),
    count(*) filter (where status = 'refused'),
    count(*) filter (where status = 'open'),
    count(*) filter (where status = 'open' and due_at < clock_timestamp()),
    count(*) filter (where decided_at > due_at),
    count(*) filter (where extended_at is not null)
from subject_request
group by kind
order by kind;

-- tally_rights --
select
    (select count(*) from consent where withdrawn_at is null),
    (select count(*) from consent where withdrawn_at is not null),
    (select count(distinct (collection_id, face_id)) from consent_face),
    (select count(*) from legal_hold where released_at is null),
    (select count(distinct (collection_id, face_id)) from legal_hold_face),
    (select count(*) from objection),
    (select count(*) from enrolment_code where revoked_at is null);

-- list_objection_ids --
select objection_id from objection;

-- delete_objections --
delete from objection where request_id = %(request_id)s returning objection_id;
