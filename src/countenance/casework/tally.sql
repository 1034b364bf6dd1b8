-- tally_reviews --
select
    count(*) filter (where status = 'waiting' and not is_planted),
    count(*) filter (where decided_at is not null and not is_planted),
    count(*) filter (where status = 'purged' and decided_at is null and not is_planted),
    count(*) filter (where is_planted)
from review;

-- tally_cases --
select
    count(*),
    count(*) filter (where closed_at is null and expires_at > clock_timestamp()),
    count(*) filter (where authorize_by is not null),
    count(*) filter (where authorize_by < clock_timestamp() and authorized_at is null),
    count(*) filter (where outcome is null and opened_at < clock_timestamp() - interval '30 days')
from review_case;

-- tally_outcomes --
select outcome, count(*) from review_case where outcome is not null group by outcome order by outcome;
