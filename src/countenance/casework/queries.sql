-- Cases, held searches and examinations.

-- end_old_case --
-- A name is free again once its case is over.
update review_case set closed_at = expires_at
where account_id = %(account_id)s and purpose = %(purpose)s and name_digest = %(name_digest)s
    and closed_at is null and expires_at <= clock_timestamp();

-- open_case --
insert into review_case (
    case_id, account_id, name_digest, purpose, sealed_told, opened_by, opened_by_id, expires_at, authorize_by
)
values (
    %(case_id)s, %(account_id)s, %(name_digest)s, %(purpose)s, %(sealed_told)s, %(opened_by)s, %(opened_by_id)s,
    clock_timestamp() + %(lasts)s::interval,
    case when %(is_urgent)s then clock_timestamp() + %(authorized_within)s::interval end
)
on conflict (account_id, purpose, name_digest) where closed_at is null do nothing
returning case_id;

-- find_open_case --
select case_id, opened_by
from review_case
where account_id = %(account_id)s and purpose = %(purpose)s and name_digest = %(name_digest)s
    and closed_at is null and expires_at > clock_timestamp()
    and (authorize_by is null or authorized_at is not null or authorize_by > clock_timestamp());

-- list_cases --
select
    case_id, account_id, purpose, sealed_told, opened_by, opened_at, expires_at, closed_at, authorize_by,
    authorized_at, evidence_signed_by, outcome, outcome_at,
    (select count(*) from review as r where r.case_id = c.case_id),
    outcome is null and opened_at < clock_timestamp() - %(outcome_within)s::interval,
    closed_at is null and expires_at > clock_timestamp()
        and (authorize_by is null or authorized_at is not null or authorize_by > clock_timestamp())
from review_case as c
where account_id = %(account_id)s
    and (%(case_id)s::text is null or case_id = %(case_id)s)
    and (%(after)s::text is null or case_id > %(after)s)
    and (
        not %(overdue)s
        or (outcome is null and opened_at < clock_timestamp() - %(outcome_within)s::interval)
    )
order by case_id
limit %(limit)s;

-- lock_case --
select purpose, sealed_told, opened_by, closed_at, authorize_by, authorized_at, evidence_signed_by, outcome,
    closed_at is null and expires_at > clock_timestamp()
        and (authorize_by is null or authorized_at is not null or authorize_by > clock_timestamp())
from review_case
where account_id = %(account_id)s and case_id = %(case_id)s
for update;

-- close_case --
update review_case set closed_at = least(clock_timestamp(), expires_at) where case_id = %(case_id)s;

-- authorize_case --
update review_case set authorized_at = clock_timestamp(), sealed_told = %(sealed_told)s
where case_id = %(case_id)s;

-- sign_evidence --
update review_case set evidence_signed_by = %(signed_by)s, sealed_told = %(sealed_told)s
where case_id = %(case_id)s;

-- report_outcome --
update review_case set outcome = %(outcome)s, outcome_at = clock_timestamp() where case_id = %(case_id)s;

-- end_stale_review --
-- What is over its time keeps no other from waiting.
update review as r set status = 'purged', sealed_held = null, sealed_released = null, is_left = true
where r.account_id = %(account_id)s and r.probe_digest = %(probe_digest)s and r.status = 'waiting'
    and not r.is_planted and not exists (select 1 from living_review as l where l.review_id = r.review_id);

-- hold --
insert into review (
    review_id, account_id, case_id, purpose, operation, requested_by, requested_by_id, needs_training, is_planted,
    status, expires_at, candidates, request_digest, probe_digest, event_id, sealed_held
)
select
    %(review_id)s, %(account_id)s, %(case_id)s, %(purpose)s, %(operation)s, %(requested_by)s,
    %(requested_by_id)s, %(needs_training)s, %(is_planted)s, 'waiting',
    least(
        clock_timestamp() + %(kept)s::interval,
        (select expires_at from review_case where case_id = %(case_id)s)
    ),
    %(candidates)s, %(request_digest)s, %(probe_digest)s, %(event_id)s, %(sealed_held)s
on conflict (account_id, probe_digest) where status = 'waiting' and not is_planted do nothing
returning review_id;

-- hold_face --
-- One that was deleted meanwhile is not there to be referred to, and the search begins anew.
insert into review_face (review_id, collection_id, face_id) values (%(review_id)s, %(collection_id)s, %(face_id)s)
on conflict do nothing;

-- hold_vault --
-- Whoever closes it waits, and ends what was held meanwhile.
select 1 from vault where collection_id = %(collection_id)s for key share;

-- end_with_crops --
-- Pictures are kept no longer than where they come from.
update review set expires_at = least(expires_at, (
    select min(c.kept_until) from review_face as f
    join vault_crop as c using (collection_id, face_id)
    where f.review_id = %(review_id)s
))
where review_id = %(review_id)s;

-- lock_waiting --
select review_id from review where review_id = %(review_id)s and status = 'waiting' for update;

-- has_seat --
-- Of the person, or of anybody of that name.
select exists (
    select 1 from examination as e
    join operator as o using (operator_id)
    where e.review_id = %(review_id)s and (o.operator_id = %(operator_id)s or o.name = %(name)s)
);

-- add_asker --
insert into review_asker (review_id, operator_id, name) values (%(review_id)s, %(operator_id)s, %(name)s)
on conflict do nothing;

-- find_waiting --
select review_id
from living_review
where account_id = %(account_id)s and probe_digest = %(probe_digest)s and status = 'waiting' and not is_planted;

-- find_released --
-- INVARIANT: of a search that two people or more have decided, each of them somebody else; none else is answered.
select r.review_id, r.sealed_released, r.event_id, by.names
from living_review as r
cross join lateral (
    select array_agg(o.name order by e.submitted_at) as names
    from examination as e
    join operator as o using (operator_id)
    where e.review_id = r.review_id and e.submitted_at is not null
) as by
where r.account_id = %(account_id)s and r.request_digest = %(request_digest)s and r.status = 'released'
    and not r.is_planted and (select count(distinct name) from unnest(by.names) as name) >= 2
order by r.decided_at desc
limit 1;

-- list_decided --
-- What people have decided of a face in one case, the newest first.
select review_id, sealed_released
from living_review
where account_id = %(account_id)s and probe_digest = %(probe_digest)s
    and case_id is not distinct from %(case_id)s and status = 'released'
order by decided_at desc;

-- find_review --
select
    r.review_id, r.status, r.operation, r.purpose, r.opened_at, r.expires_at, r.decided_at, r.candidates,
    (select count(*) from examination as e where e.review_id = r.review_id and e.submitted_at is not null),
    r.sealed_released, r.case_id
from living_review as r
where r.account_id = %(account_id)s and r.review_id = %(review_id)s and not r.is_planted;

-- list_reviews --
-- All that there are, over or not, for whoever keeps the server: the newest first.
select
    r.review_id, case when r.status = 'purged' or l.review_id is null then 'over' else r.status end, r.operation,
    r.purpose, r.case_id, r.is_planted, r.candidates,
    (select count(*) from examination as e where e.review_id = r.review_id and e.submitted_at is not null),
    r.opened_at, r.decided_at, r.expires_at
from review as r
left join living_review as l using (review_id)
where r.account_id = %(account_id)s
    and (%(review_id)s::uuid is null or r.review_id = %(review_id)s)
order by r.opened_at desc, r.review_id
limit %(limit)s;

-- owes_training --
-- Whether the newest search under a purpose is held for trained people alone: of a trial it must be no different.
select coalesce(
    (
        select needs_training from review
        where account_id = %(account_id)s and purpose = %(purpose)s and not is_planted
        order by opened_at desc, review_id
        limit 1
    ),
    false
);

-- list_for_examiner --
-- Where a seat is free, or was taken by the examiner: of searches that are none of theirs.
select r.review_id, r.purpose, r.opened_at, r.candidates, mine.began_at
from living_review as r
left join review_case as c using (case_id)
left join examination as mine on mine.review_id = r.review_id and mine.operator_id = %(operator_id)s
where r.account_id = %(account_id)s and r.status = 'waiting'
    and r.requested_by <> %(name)s and c.opened_by is distinct from %(name)s
    and r.requested_by_id is distinct from %(operator_id)s and c.opened_by_id is distinct from %(operator_id)s
    and (%(is_blind)s or not r.is_planted)
    and not exists (
        select 1 from review_asker as a
        where a.review_id = r.review_id and (a.name = %(name)s or a.operator_id = %(operator_id)s)
    )
    and not exists (
        select 1 from examination as e
        join operator as o using (operator_id)
        where e.review_id = r.review_id and o.name = %(name)s and o.operator_id <> %(operator_id)s
    )
    and mine.submitted_at is null
    and (%(after)s::uuid is null or r.review_id > %(after)s)
    and (mine.operator_id is not null or (
        select count(*) from examination as e
        where e.review_id = r.review_id
            and (e.submitted_at is not null or e.began_at > clock_timestamp() - %(seat_kept)s::interval)
    ) < case when (
        select count(*) from examination as e where e.review_id = r.review_id and e.submitted_at is not null
    ) >= 2 then 3 else 2 end)
order by r.review_id
limit %(limit)s;

-- lock_review --
select
    r.requested_by = %(name)s or r.requested_by_id is not distinct from %(operator_id)s
        or c.opened_by is not distinct from %(name)s or c.opened_by_id is not distinct from %(operator_id)s
        or exists (
            select 1 from review_asker as a
            where a.review_id = r.review_id and (a.name = %(name)s or a.operator_id = %(operator_id)s)
        ),
    r.needs_training, r.purpose, r.operation, r.candidates, r.sealed_held
from review as r
left join review_case as c using (case_id)
where r.account_id = %(account_id)s and r.review_id = %(review_id)s and r.status = 'waiting'
    and (%(is_blind)s or not r.is_planted)
    and exists (select 1 from living_review as l where l.review_id = r.review_id)
for update of r;

-- is_own_person --
-- Locked: whoever is invited anew meanwhile waits, or is not vouched for any more.
select coalesce((
    select vouched_at is not null from operator
    where operator_id = %(operator_id)s and account_id = %(account_id)s and removed_at is null
    for share
), false);

-- is_trained --
-- By name, as it was recorded: whoever is given the name again has the training again.
select exists (
    select 1 from training
    where account_id = %(account_id)s and operator = %(name)s and valid_until > clock_timestamp()
);

-- free_seats --
-- Whoever sat down and did not say anything in time makes room for another.
delete from examination
where review_id = %(review_id)s and submitted_at is null
    and began_at <= clock_timestamp() - %(seat_kept)s::interval;

-- lock_examiner --
-- One verdict of a person after another: nobody looks at two reviews at a time.
select pg_advisory_xact_lock(hashtextextended('examiner ' || %(account_id)s || ' ' || %(name)s, 0));

-- looked --
-- Seconds since the person, or anybody of the name, began this or last decided another.
select extract(epoch from clock_timestamp() - greatest(mine.began_at, (
    select max(e.submitted_at) from examination as e
    join operator as o using (operator_id)
    where o.account_id = %(account_id)s and o.name = %(name)s
)))
from examination as mine
where mine.review_id = %(review_id)s and mine.operator_id = %(operator_id)s;

-- list_seats --
select operator_id, began_at, submitted_at, presented, sealed_verdicts
from examination
where review_id = %(review_id)s
order by submitted_at nulls last, began_at, operator_id;

-- take_seat --
insert into examination (review_id, operator_id, presented)
values (%(review_id)s, %(operator_id)s, %(presented)s)
returning began_at;

-- submit --
update examination set
    submitted_at = clock_timestamp(), sealed_verdicts = %(sealed_verdicts)s, supported = %(supported)s,
    least_s = %(least_s)s
where review_id = %(review_id)s and operator_id = %(operator_id)s;

-- score_seat --
update examination set
    agreed = %(agreed)s, reversed = %(reversed)s, hits = %(hits)s, misses = %(misses)s,
    false_alarms = %(false_alarms)s, correct_rejections = %(correct_rejections)s
where review_id = %(review_id)s and operator_id = %(operator_id)s;

-- release --
update review set
    status = 'released', decided_at = clock_timestamp(), sealed_held = null, sealed_released = %(sealed_released)s
where review_id = %(review_id)s;

-- purge --
update review set
    status = 'purged', sealed_held = null, sealed_released = null, is_left = false,
    decided_at = coalesce(decided_at, case when %(is_decided)s then clock_timestamp() end)
where review_id = %(review_id)s and (status <> 'purged' or is_left);

-- forget_verdicts --
update examination set sealed_verdicts = null where review_id = %(review_id)s;

-- list_shown --
-- Whose pictures the review shows, by collection; nobody who was erased since.
select c.region, c.name, array_agg(f.face_id::text order by f.face_id)
from review_face as f
join collection as c using (collection_id)
where f.review_id = %(review_id)s
group by c.region, c.name;

-- list_shown_in_vain --
-- Likewise, of a review that somebody looked at and nobody decided.
select c.region, c.name, array_agg(f.face_id::text order by f.face_id)
from review_face as f
join review as r using (review_id)
join collection as c using (collection_id)
where f.review_id = %(review_id)s and r.decided_at is null
    and exists (select 1 from examination as e where e.review_id = f.review_id)
group by c.region, c.name;

-- list_examiners_of --
select o.name
from examination as e
join operator as o using (operator_id)
where e.review_id = %(review_id)s and e.submitted_at is not null
order by e.submitted_at;

-- list_of_case --
select review_id from review where case_id = %(case_id)s and status <> 'purged' order by review_id;

-- list_due --
select r.review_id, r.account_id
from review as r
where r.is_left
    or r.status <> 'purged' and not exists (select 1 from living_review as l where l.review_id = r.review_id)
order by r.review_id;

-- list_kept --
select review_id from review where status <> 'purged';

-- describe_examiners --
select
    o.name, o.removed_at is null, count(*),
    percentile_cont(0.5) within group (order by extract(epoch from e.submitted_at - e.began_at)),
    coalesce(sum(r.candidates) filter (where e.agreed is not null), 0)::bigint,
    coalesce(sum(e.agreed), 0)::bigint,
    coalesce(sum(r.candidates) filter (where e.reversed is not null), 0)::bigint,
    coalesce(sum(e.reversed), 0)::bigint,
    coalesce(sum(e.hits), 0)::bigint, coalesce(sum(e.misses), 0)::bigint,
    coalesce(sum(e.false_alarms), 0)::bigint, coalesce(sum(e.correct_rejections), 0)::bigint
from examination as e
join operator as o using (operator_id)
join review as r using (review_id)
where o.account_id = %(account_id)s and e.submitted_at is not null
group by o.operator_id
order by o.name;
