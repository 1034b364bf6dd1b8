-- Independent tests: read and written by one tester's account, and by what tidies up.

-- create_test --
insert into independent_test (
    test_id, account_id, status, expires_at, face_model_version, bound, sealed_declaration
)
values (
    %(test_id)s, %(account_id)s, 'open', %(expires_at)s, %(face_model_version)s, %(bound)s,
    %(sealed_declaration)s
)
returning created_at;

-- find_tests --
-- What is past its end is not there, whether or not it is deleted yet.
select
    t.test_id, t.account_id, t.status, t.created_at, t.expires_at, t.face_model_version, t.bound,
    t.sealed_declaration, t.sealed_figures, count(s.number), count(s.number) filter (where s.is_enrolled)
from independent_test as t
left join independent_test_sample as s using (test_id)
where (%(account_id)s::text is null or t.account_id = %(account_id)s)
    and (%(test_id)s::uuid is null or t.test_id = %(test_id)s)
    and (%(after)s::uuid is null or t.test_id > %(after)s)
    and t.expires_at > clock_timestamp()
group by t.test_id
order by t.test_id
limit %(limit)s;

-- lock_tester --
-- Of one tester's calls that take from its limits, one at a time.
select samples_an_hour, tests_at_once, most_samples from tester where account_id = %(account_id)s for update;

-- find_limits --
select samples_an_hour, tests_at_once, most_samples from tester where account_id = %(account_id)s;

-- count_use --
-- A minute counts until all of it is more than an hour ago.
select
    coalesce(sum(samples) filter (where minute > clock_timestamp() - interval '61 minutes'), 0)::bigint,
    coalesce(sum(samples), 0)::bigint,
    min(minute) filter (where minute > clock_timestamp() - interval '61 minutes') + interval '61 minutes',
    (select count(*) from independent_test as t
     where t.account_id = %(account_id)s and t.expires_at > clock_timestamp())
from tester_use
where account_id = %(account_id)s;

-- use_sample --
insert into tester_use (account_id, minute, samples)
values (%(account_id)s, date_trunc('minute', clock_timestamp()), 1)
on conflict (account_id, minute) do update set samples = tester_use.samples + 1;

-- lock_test --
select status from independent_test where test_id = %(test_id)s and account_id = %(account_id)s for update;

-- count_samples --
select count(*) from independent_test_sample where test_id = %(test_id)s;

-- find_number --
select 1 from independent_test_sample where test_id = %(test_id)s and number = %(number)s;

-- add_sample --
insert into independent_test_sample (test_id, number, is_enrolled, sealed)
values (%(test_id)s, %(number)s, %(is_enrolled)s, %(sealed)s)
on conflict do nothing;

-- read_samples --
select number, sealed from independent_test_sample where test_id = %(test_id)s order by number;

-- list_numbers --
select number, is_enrolled from independent_test_sample where test_id = %(test_id)s order by number;

-- change_status --
update independent_test set status = %(to)s where test_id = %(test_id)s and status = %(from)s;

-- keep_figures --
update independent_test set status = 'finished', sealed_figures = %(sealed)s
where test_id = %(test_id)s and status = 'computing';

-- delete_test --
delete from independent_test where test_id = %(test_id)s and account_id = %(account_id)s;

-- list_ended --
-- Past their end, or of a tester who is one no more.
select t.test_id, t.account_id
from independent_test as t
join tester as r using (account_id)
where t.expires_at <= clock_timestamp() or r.revoked_at is not null or r.expires_at <= clock_timestamp()
order by t.test_id;

-- list_known --
select test_id from independent_test;
