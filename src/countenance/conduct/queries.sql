-- list_observations --
-- Newest first, so that a bound on how many are looked at cuts off the oldest. Purpose by purpose, as the index is.
select event_id, at, purpose, kind, sealed
from observation
where account = %(account)s and purpose = any(%(purposes)s) and at > %(since)s
order by at desc, event_id
limit %(limit)s;

-- find_active --
-- Which of these pseudonyms did something with a face since then, and when last.
select a.account, max(newest.at)
from unnest(%(accounts)s::bytea[]) as a (account)
cross join unnest(%(purposes)s::text[]) as p (purpose)
cross join lateral (
    select o.at
    from observation as o
    where o.account = a.account and o.purpose = p.purpose
    order by o.at desc
    limit 1
) as newest
where newest.at > %(since)s
group by a.account;

-- forget_observations --
delete from observation where at < %(before)s;

-- find_examined --
select r.account_id, max(e.submitted_at)
from examination as e
join review as r using (review_id)
where e.submitted_at > %(since)s and r.account_id = any(%(account_ids)s)
group by r.account_id;

-- list_examined --
-- The newest, in the order of time. What was examined before figures were kept of it is not looked at.
select review_id, is_planted, name, seconds, least_s, candidates, supported, agreed, known, wrong
from (
    select e.review_id, r.is_planted, o.name, extract(epoch from e.submitted_at - e.began_at) as seconds, e.least_s,
        r.candidates, e.supported, e.agreed, e.submitted_at,
        coalesce(e.hits + e.misses + e.false_alarms + e.correct_rejections, 0) as known,
        coalesce(e.misses + e.false_alarms, 0) as wrong
    from examination as e
    join review as r using (review_id)
    join operator as o using (operator_id)
    where r.account_id = %(account_id)s and e.submitted_at > %(since)s and e.supported is not null
    order by e.submitted_at desc
    limit %(limit)s
) as newest
order by submitted_at, name;

-- list_account_ids --
select account_id from account order by account_id;

-- list_holdings --
-- Collections of these accounts that hold people who did not ask to be in them. Counted, not kept: this runs beside
-- the calls and not within one.
select c.account_id, c.region || '/' || c.name, p.purpose, h.kind, (
    select count(*) from face as f where f.collection_id = c.collection_id
)
from collection as c
join charter as h using (collection_id)
cross join unnest(h.purposes) as p (purpose)
where c.account_id = any(%(account_ids)s) and h.kind in ('watch_list', 'reference')
order by c.account_id, c.collection_id, p.purpose;

-- try_patrol --
select pg_try_advisory_lock(hashtextextended('patrol', 0));

-- end_patrol --
select pg_advisory_unlock(hashtextextended('patrol', 0));

-- list_findings --
select
    finding_id, account_id, detector, severity, summary, evidence, found_at, status, decide_by, decided_by,
    decided_at, reason
from finding
where (%(account_id)s::text is null or account_id = %(account_id)s)
    and (%(status)s::text is null or status = %(status)s)
order by found_at desc, finding_id
limit 1000;

-- find_finding --
select
    finding_id, account_id, detector, severity, summary, evidence, found_at, status, decide_by, decided_by,
    decided_at, reason
from finding
where finding_id = %(finding_id)s;

-- is_known --
select 1 from finding where account_id = %(account_id)s and fingerprint = %(fingerprint)s;

-- open_finding --
insert into finding (finding_id, account_id, detector, severity, summary, evidence, fingerprint, decide_by)
values (
    %(finding_id)s, %(account_id)s, %(detector)s, %(severity)s, %(summary)s, %(evidence)s::jsonb, %(fingerprint)s,
    case when %(severity)s <> 'notice' then clock_timestamp() + %(decided_within)s end
)
on conflict (account_id, fingerprint) do nothing
returning finding_id;

-- lock_finding --
select status, decided_by, decide_by from finding where finding_id = %(finding_id)s for update;

-- settle_finding --
update finding set
    status = %(status)s,
    decided_by = %(decided_by)s,
    decided_at = clock_timestamp(),
    reason = %(reason)s,
    decide_by = null
where finding_id = %(finding_id)s;

-- list_lapsing --
select finding_id from finding where status = 'open' and decide_by <= %(now)s
order by decide_by;

-- find_standing --
select standing, effective_standing from account where account_id = %(account_id)s;

-- read_hold --
-- How the account stands; what a person (or an appeal that was granted) last made of it; how severe the findings
-- since then are that are open or confirmed. A finding of before that was judged together with all there was then.
with by_person as (
    select change_id, to_standing, at
    from standing_change
    where account_id = %(account_id)s and finding_id is null and appeal_id is null
    order by change_id desc
    limit 1
),
by_appeal as (
    select change_id, submitted_at
    from appeal
    where account_id = %(account_id)s and status = 'granted'
    order by submitted_at desc
    limit 1
),
base as (
    select
        case
            when by_appeal.change_id >= coalesce(by_person.change_id, 0) then 'good'
            else by_person.to_standing
        end as standing,
        case
            when by_appeal.change_id >= coalesce(by_person.change_id, 0) then by_appeal.submitted_at
            else by_person.at
        end as since
    from (select 1) as one
    left join by_person on true
    left join by_appeal on true
)
select
    a.standing,
    coalesce(
        base.standing,
        (select from_standing from standing_change where account_id = a.account_id order by change_id limit 1),
        a.standing
    ),
    (
        select coalesce(array_agg(distinct f.severity), '{}')
        from finding as f
        where f.account_id = a.account_id and f.status in ('open', 'confirmed') and f.severity <> 'notice'
            and f.found_at > coalesce(base.since, '-infinity')
    )
from account as a
cross join base
where a.account_id = %(account_id)s;

-- newest_change --
select change_id from standing_change where account_id = %(account_id)s order by change_id desc limit 1;

-- list_suspended_upstream --
-- Whose own standing reaches the account from upstream.
with recursive above (account_id) as (
    select upstream from relation_in_force where downstream = %(account_id)s
    union
    select r.upstream from relation_in_force as r join above as a on r.downstream = a.account_id
)
select account_id
from above
join account using (account_id)
where standing in ('suspended', 'terminated')
order by account_id;

-- submit_appeal --
insert into appeal (appeal_id, account_id, change_id, statement, submitted_by)
values (%(appeal_id)s, %(account_id)s, %(change_id)s, %(statement)s, %(submitted_by)s);

-- list_appeals --
select
    appeal_id, account_id, change_id, statement, submitted_by, submitted_at, status, decided_by, decided_at, reason
from appeal
where (%(account_id)s::text is null or account_id = %(account_id)s)
    and (%(status)s::text is null or status = %(status)s)
order by submitted_at desc, appeal_id
limit 1000;

-- find_appeal --
select
    appeal_id, account_id, change_id, statement, submitted_by, submitted_at, status, decided_by, decided_at, reason
from appeal
where appeal_id = %(appeal_id)s;

-- lock_appeal --
select status, decided_by from appeal where appeal_id = %(appeal_id)s for update;

-- settle_appeal --
update appeal set
    status = %(status)s, decided_by = %(decided_by)s, decided_at = clock_timestamp(), reason = %(reason)s
where appeal_id = %(appeal_id)s;

-- list_appealed_findings --
-- What held the account down when it appealed.
select finding_id, detector, decided_by
from finding
where account_id = %(account_id)s and severity <> 'notice' and status in ('open', 'confirmed')
    and found_at <= %(submitted_at)s
order by found_at;

-- find_change --
select decided_by, second_officer, finding_id from standing_change where change_id = %(change_id)s;
