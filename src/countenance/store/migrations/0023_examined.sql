-- Human review, finished (docs/adr/0034): who asked and opened as people, what is measured of examiners.

-- A name may be given again, a person's id may not. None of a key of the account's own.
alter table review_case add column opened_by_id text collate "C" references operator;
alter table review add column requested_by_id text collate "C" references operator;
-- Two trained people verify each candidate (Regulation (EU) 2024/1689, Article 14(5)): whatever the purpose asks for.
alter table review add column needs_training boolean not null default false;

-- How many candidates an examiner supported, and what time was asked of them then: figures, whoever the candidates were.
alter table examination add column supported integer;
alter table examination add column least_s double precision;
create index examination_by_submission on examination (submitted_at) where submitted_at is not null;

-- Whoever asked for what a review holds, first or while it waited, is none of its examiners.
create table review_asker (
    review_id uuid not null references review on delete cascade,
    operator_id text collate "C" references operator,
    name text not null check (length(name) between 1 and 128),
    unique nulls not distinct (review_id, operator_id, name)
);

-- Whom people did not support is not found again by the same photo in the same case.
create index review_by_probe on review (account_id, probe_digest) where status = 'released';

create or replace view living_review as
select r.*
from review as r
left join review_case as c using (case_id)
where r.status <> 'purged' and r.expires_at > clock_timestamp()
    and (r.case_id is null or (
        c.closed_at is null and c.expires_at > clock_timestamp()
        and (c.authorize_by is null or c.authorized_at is not null or c.authorize_by > clock_timestamp())
    ));

-- Ended here, and not by who destroys its key and says so in the log: the job has that still to do.
alter table review add column is_left boolean not null default false;
create index review_left on review (review_id) where is_left;

create or replace function end_review_of_face() returns trigger language plpgsql as $$
begin
    update review set status = 'purged', sealed_held = null, sealed_released = null, is_left = true
    where review_id = old.review_id and status <> 'purged';
    return null;
end
$$;

-- A picture out of a vault is looked at no longer than the vault is there.
create function end_reviews_of_vault() returns trigger language plpgsql as $$
begin
    update review set status = 'purged', sealed_held = null, sealed_released = null, is_left = true
    where status = 'waiting' and review_id in (select review_id from review_face where collection_id = old.collection_id);
    return null;
end
$$;
create trigger ends_reviews after delete on vault for each row execute function end_reviews_of_vault();

-- And no longer than the days that it is given: they may become fewer.
create function end_reviews_with_crops() returns trigger language plpgsql as $$
begin
    update review as r set expires_at = given.kept_until
    from (
        select f.review_id, min(c.kept_until) as kept_until
        from changed as c join review_face as f using (collection_id, face_id)
        group by f.review_id
    ) as given
    where r.review_id = given.review_id and r.status = 'waiting' and r.expires_at > given.kept_until;
    return null;
end
$$;
create trigger ends_reviews after update on vault_crop referencing new table as changed
    for each statement execute function end_reviews_with_crops();
