-- create_account --
-- The first account is the house: whoever runs the server.
insert into account (account_id, name, standing, effective_standing, profile, is_house)
select
    %(account_id)s, %(name)s, %(standing)s, %(standing)s, %(profile)s,
    not exists (select 1 from account where is_house)
returning account_id, name, standing, created_at, effective_standing, profile, is_house, calls_per_s, burst;

-- list_accounts --
select account_id, name, standing, created_at, effective_standing, profile, is_house, calls_per_s, burst
from account
order by account_id;

-- find_account --
select account_id, name, standing, created_at, effective_standing, profile, is_house, calls_per_s, burst
from account
where account_id = %(account_id)s;

-- find_house --
select account_id from account where is_house;

-- change_profile --
update account set profile = %(profile)s where account_id = %(account_id)s;

-- change_limit --
update account set calls_per_s = %(calls_per_s)s, burst = %(burst)s where account_id = %(account_id)s;

-- create_access_key --
insert into access_key (access_key_id, account_id, operator, sealed_secret, purpose, officer)
values (%(access_key_id)s, %(account_id)s, %(operator)s, %(sealed_secret)s, %(purpose)s, %(officer)s)
returning created_at;

-- bind_key --
-- A key of before there were purposes gets one; a key that has one keeps it.
update access_key set purpose = %(purpose)s
where access_key_id = %(access_key_id)s and purpose is null and parent_access_key_id is null;

-- list_access_keys --
select access_key_id, operator, created_at, revoked_at, purpose, officer
from access_key
where account_id = %(account_id)s
    and parent_access_key_id is null
    and not for_console -- a browser's, whose secret nobody has seen
    and access_key_id > %(after)s
order by access_key_id
limit %(limit)s;

-- revoke_access_key --
update access_key set revoked_at = coalesce(revoked_at, clock_timestamp())
where access_key_id = %(access_key_id)s and account_id = %(account_id)s
    -- an officer's key is ended by that officer, or on the server's machine
    and (officer is null or %(by_officer)s::text is null or officer = %(by_officer)s);

-- find_credential --
select
    k.access_key_id, k.account_id, a.standing, a.effective_standing, k.operator, k.sealed_secret,
    -- a tester's keys end with the tester
    k.session_token_digest, least(k.expires_at, t.expires_at),
    k.revoked_at is not null or p.revoked_at is not null or t.revoked_at is not null
        or (k.operator_id is not null and w.removed_at is not null),
    k.purpose, o.name, k.sealed_claims, a.calls_per_s, a.burst, k.operator_id, w.roles
from access_key as k
join account as a using (account_id)
left join access_key as p on p.access_key_id = k.parent_access_key_id
left join officer as o on o.name = k.officer and o.removed_at is null and a.is_house
left join tester as t on t.account_id = k.account_id
left join operator as w on w.operator_id = k.operator_id
where k.access_key_id = %(access_key_id)s;

-- create_session --
-- A session for a purpose is nobody's office: only one that goes on as its key is keeps the key's officer.
insert into access_key (
    access_key_id, account_id, operator, operator_id, for_console, sealed_secret, session_token_digest,
    parent_access_key_id, expires_at, purpose, officer, sealed_claims
)
select
    %(access_key_id)s, account_id, operator, operator_id, for_console, %(sealed_secret)s, %(digest)s, access_key_id,
    date_trunc('second', clock_timestamp()) + %(duration)s,
    coalesce(%(purpose)s, purpose),
    case when %(purpose)s::text is null then officer end,
    %(sealed_claims)s
from access_key
where access_key_id = %(parent)s and parent_access_key_id is null and revoked_at is null
returning expires_at;

-- forget_ended_sessions --
delete from access_key
where parent_access_key_id = %(parent)s and expires_at < clock_timestamp() - interval '1 day';

-- publish_terms --
insert into terms_version (document, version, digest) values (%(document)s, %(version)s, %(digest)s)
on conflict do nothing;

-- find_terms_digest --
select digest from terms_version where document = %(document)s and version = %(version)s;

-- list_terms_versions --
select document, version, first_seen_at from terms_version;

-- accept_terms --
-- Said again by the same officer it is the same acceptance.
with known as (
    select accepted_at from terms_acceptance
    where account_id = %(account_id)s and document = %(document)s and terms_version = %(version)s
        and digest = %(digest)s and officer = %(officer)s and role = %(role)s
    limit 1
),
accepted as (
    insert into terms_acceptance (account_id, document, terms_version, digest, officer, role)
    select %(account_id)s, %(document)s, %(version)s, %(digest)s, %(officer)s, %(role)s
    where not exists (select 1 from known)
    returning accepted_at
)
select accepted_at from accepted union all select accepted_at from known;

-- list_acceptances --
select document, terms_version, digest, officer, role, accepted_at
from terms_acceptance
where account_id = %(account_id)s
order by accepted_at desc;

-- list_officers --
select name, role, added_at, removed_at from officer where removed_at is null order by name;

-- add_officer --
insert into officer (name, role) values (%(name)s, %(role)s)
on conflict (name) do update set role = excluded.role, removed_at = null;

-- lock_officers --
select pg_advisory_xact_lock(hashtextextended('officers', 0));

-- add_first_officer --
insert into officer (name, role)
-- Once there was one, officers are named on the server's machine: who was removed does not come back by itself.
select %(name)s, %(role)s where not exists (select 1 from officer);

-- remove_officer --
update officer set removed_at = clock_timestamp() where name = %(name)s and removed_at is null;

-- revoke_officers_keys --
update access_key set revoked_at = coalesce(revoked_at, clock_timestamp()) where officer = %(name)s;

-- list_purpose_requests --
select
    request_id, account_id, purpose, justification, requested_by, requested_at, status, decided_at,
    (select array_agg(officer order by at) from purpose_vote as v
     where v.request_id = r.request_id and v.decision = 'approve'),
    expires_at
from purpose_request as r
where (%(account_id)s::text is null or account_id = %(account_id)s)
    and (%(status)s::text is null or status = %(status)s)
order by requested_at desc, request_id
limit 1000;

-- find_purpose_request --
select
    request_id, account_id, purpose, justification, requested_by, requested_at, status, decided_at,
    (select array_agg(officer order by at) from purpose_vote as v
     where v.request_id = r.request_id and v.decision = 'approve'),
    expires_at
from purpose_request as r
where request_id = %(request_id)s;

-- lock_purpose_request --
select status from purpose_request where request_id = %(request_id)s for update;

-- end_expired_purpose --
update purpose_request set status = 'withdrawn', decided_at = clock_timestamp()
where account_id = %(account_id)s and purpose = %(purpose)s and status = 'approved'
    and expires_at <= clock_timestamp();

-- request_purpose --
insert into purpose_request (account_id, purpose, justification, requested_by)
values (%(account_id)s, %(purpose)s, %(justification)s, %(requested_by)s)
returning request_id;

-- vote_on_purpose --
insert into purpose_vote (request_id, officer, decision, reason)
values (%(request_id)s, %(officer)s, %(vote)s, %(reason)s);

-- count_approvals --
select count(*)
from purpose_vote as v
join officer as o on o.name = v.officer and o.removed_at is null
where v.request_id = %(request_id)s and v.decision = 'approve';

-- settle_purpose_request --
update purpose_request set
    status = %(status)s,
    decided_at = case when %(status)s <> 'pending' then clock_timestamp() end,
    expires_at = case when %(status)s = 'approved' then clock_timestamp() + %(lasts)s::interval end
where request_id = %(request_id)s;

-- list_records --
select record_id, kind, reference, digest, recorded_by, recorded_at, valid_until
from account_record
where account_id = %(account_id)s and withdrawn_at is null
order by recorded_at desc
limit 1000;

-- put_record --
insert into account_record (account_id, kind, reference, digest, recorded_by, valid_until)
values (%(account_id)s, %(kind)s, %(reference)s, %(digest)s, %(recorded_by)s, %(valid_until)s)
returning record_id;

-- withdraw_record --
update account_record set withdrawn_at = clock_timestamp()
where account_id = %(account_id)s and record_id = %(record_id)s and withdrawn_at is null;

-- record_training --
insert into training (account_id, operator, valid_until, recorded_by)
values (%(account_id)s, %(operator)s, %(valid_until)s, %(recorded_by)s);

-- lock_relations --
select pg_advisory_xact_lock(hashtextextended('relations', 0));

-- list_relations --
select
    relation_id, kind, upstream, downstream, declared_by, declared_at,
    officer_confirmed_at is not null
        or (upstream_confirmed_at is not null and downstream_confirmed_at is not null)
from relation
where ended_at is null
    and (%(account_id)s::text is null or upstream = %(account_id)s or downstream = %(account_id)s)
order by declared_at, relation_id;

-- reaches --
-- Whether service flows from `downstream` to `upstream` already: by what is in force, as anybody may declare.
with recursive below (account_id) as (
    select %(downstream)s::text
    union
    select r.downstream from relation_in_force as r join below as b on r.upstream = b.account_id
)
select 1 from below where account_id = %(upstream)s;

-- declare_relation --
insert into relation (kind, upstream, downstream, declared_by, upstream_confirmed_at, downstream_confirmed_at)
values (
    %(kind)s, %(upstream)s, %(downstream)s, %(declared_by)s,
    case when %(declared_by)s = %(upstream)s then clock_timestamp() end,
    case when %(declared_by)s = %(downstream)s then clock_timestamp() end
)
returning relation_id;

-- confirm_relation --
update relation set
    upstream_confirmed_at = case
        when upstream = %(account_id)s then coalesce(upstream_confirmed_at, clock_timestamp())
        else upstream_confirmed_at end,
    downstream_confirmed_at = case
        when downstream = %(account_id)s then coalesce(downstream_confirmed_at, clock_timestamp())
        else downstream_confirmed_at end,
    officer_confirmed_at = case
        when %(account_id)s::text is null then coalesce(officer_confirmed_at, clock_timestamp())
        else officer_confirmed_at end
where relation_id = %(relation_id)s and ended_at is null
returning
    officer_confirmed_at is not null
    or (upstream_confirmed_at is not null and downstream_confirmed_at is not null);

-- relation_is_held --
-- Whether a suspension comes down the relation or may do so soon, or a bar comes up it.
select 1 from account as a
where a.account_id = %(upstream)s and (
    a.standing <> 'good' or a.effective_standing <> 'good'
    or exists (select 1 from finding as f where f.account_id = a.account_id and f.status = 'open')
)
union all
select 1 from account as a
where %(kind)s = 'acts_for' and a.account_id = %(downstream)s and (
    a.standing <> 'good' or a.effective_standing <> 'good' or a.profile = 'immigration_enforcement'
);

-- end_relation --
update relation set ended_at = clock_timestamp() where relation_id = %(relation_id)s and ended_at is null;

-- change_standing --
update account set standing = %(standing)s where account_id = %(account_id)s;

-- lock_downstream --
-- The account and all downstream of it, in one order, so that no two of these wait for each other.
with recursive below (account_id) as (
    select %(account_id)s::text
    union
    select r.downstream from relation_in_force as r join below as b on r.upstream = b.account_id
)
select pg_advisory_xact_lock(account_lock(account_id))
from (select account_id from below order by account_id) as ordered;

-- settle_downstream --
-- What reaches an account: its own standing, or the worst suspension of anything upstream. What changed.
with recursive below (account_id) as (
    select %(account_id)s::text
    union
    select r.downstream from relation_in_force as r join below as b on r.upstream = b.account_id
),
above (account_id, ancestor) as (
    select account_id, account_id from below
    union
    select a.account_id, r.upstream from above as a join relation_in_force as r on r.downstream = a.ancestor
),
reached as (
    select
        own.account_id,
        own.effective_standing as before,
        case
            when bool_or(other.standing = 'terminated') then 'terminated'
            when bool_or(other.standing = 'suspended') then 'suspended'
            else own.standing
        end as after
    from above
    join account as other on other.account_id = above.ancestor
    join account as own on own.account_id = above.account_id
    group by own.account_id, own.effective_standing, own.standing
),
changed as (
    update account set effective_standing = r.after
    from reached as r
    where account.account_id = r.account_id and r.before <> r.after
    returning account.account_id
)
select account_id, before, after from changed join reached using (account_id) order by account_id;

-- add_standing_change --
insert into standing_change (
    account_id, from_standing, to_standing, reason, finding_id, appeal_id, decided_by, second_officer, event_id
)
values (
    %(account_id)s, %(from_standing)s, %(to_standing)s, %(reason)s, %(finding_id)s, %(appeal_id)s,
    %(decided_by)s, %(second_officer)s, %(event_id)s
)
returning change_id;

-- list_standing_changes --
select
    change_id, from_standing, to_standing, reason, finding_id, decided_by, second_officer, event_id, at
from standing_change
where account_id = %(account_id)s
order by change_id desc;

-- find_proposal --
-- The word of an officer who has gone since is none.
select p.officer from termination_proposal as p join officer as o on o.name = p.officer
where p.account_id = %(account_id)s and o.removed_at is null and p.at > clock_timestamp() - interval '30 days'
for update of p;

-- propose_termination --
insert into termination_proposal (account_id, officer, reason) values (%(account_id)s, %(officer)s, %(reason)s)
on conflict (account_id) do update set
    officer = excluded.officer, reason = excluded.reason, at = clock_timestamp();

-- forget_proposal --
delete from termination_proposal where account_id = %(account_id)s;

-- read_facts --
-- All that a decision needs to know of an account, as of one statement.
with recursive above (upstream, downstream) as (
    select upstream, downstream from relation_in_force where downstream = %(account_id)s
    union
    select r.upstream, r.downstream from relation_in_force as r join above as a on r.downstream = a.upstream
),
-- For whom the call is, as far as that goes: the one that it names, or all that are acted for. Said is enough:
-- nobody is better off for not confirming it.
served (account_id) as (
    select downstream from relation
    where kind = 'acts_for' and upstream = %(account_id)s and ended_at is null
        and (%(beneficiary)s::text is null or downstream = %(beneficiary)s)
    union
    select r.downstream from relation as r join served as s on r.upstream = s.account_id
    where r.kind = 'acts_for' and r.ended_at is null
)
select
    a.standing,
    a.effective_standing,
    a.profile,
    (select coalesce(array_agg(distinct array[document, terms_version, digest]), '{}')
     from terms_acceptance where account_id = a.account_id),
    (select coalesce(array_agg(purpose), '{}') from purpose_request
     where account_id = a.account_id and status = 'approved'
         and (expires_at is null or expires_at > clock_timestamp())),
    (select coalesce(array_agg(distinct kind), '{}') from account_record
     where account_id = a.account_id and withdrawn_at is null
         and (valid_until is null or valid_until > clock_timestamp())),
    (select coalesce(array_agg(array[above.upstream, above.downstream, u.standing]), '{}')
     from above join account as u on u.account_id = above.upstream),
    exists (
        select 1 from training
        where account_id = a.account_id and operator = %(operator)s and valid_until > clock_timestamp()
    ),
    -- barred: one for whom the call is, or may be, is no account in good standing, or is not acted for at all
    exists (
        select 1 from served join account as b using (account_id)
        where b.standing <> 'good' or b.effective_standing <> 'good' or b.profile = 'immigration_enforcement'
    ) or (
        %(beneficiary)s::text is not null and %(beneficiary)s <> a.account_id and not exists (
            select 1 from relation_in_force as r
            where r.kind = 'acts_for' and r.upstream = a.account_id and r.downstream = %(beneficiary)s
        )
    ),
    (select coalesce(array_agg(distinct b.profile), '{}') from served join account as b using (account_id)),
    (select coalesce(array_agg(account_id), '{}') from served),
    exists (select 1 from tester where account_id = a.account_id),
    (select epoch from policy_epoch)
from account as a
where a.account_id = %(account_id)s;

-- count_calls --
select count(*) from observation
where account = %(account)s and purpose = %(purpose)s and at > clock_timestamp() - interval '1 hour';

-- list_testers --
select
    t.account_id, a.name, t.organisation, t.added_by, t.added_at, t.expires_at, t.revoked_at,
    t.samples_an_hour, t.tests_at_once, t.most_samples,
    (select coalesce(sum(samples), 0)::bigint from tester_use as u where u.account_id = t.account_id)
from tester as t
join account as a using (account_id)
order by t.account_id;

-- add_tester --
insert into tester (
    account_id, organisation, added_by, expires_at, samples_an_hour, tests_at_once, most_samples
)
values (
    %(account_id)s, %(organisation)s, %(added_by)s, %(expires_at)s, %(samples_an_hour)s, %(tests_at_once)s,
    %(most_samples)s
);

-- revoke_tester --
update tester set revoked_at = coalesce(revoked_at, clock_timestamp()) where account_id = %(account_id)s;

-- revoke_testers_keys --
update access_key set revoked_at = coalesce(revoked_at, clock_timestamp()) where account_id = %(account_id)s;
