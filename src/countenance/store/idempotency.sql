-- lock_token --
select pg_advisory_xact_lock(hashtextextended(%(scope)s, 0));

-- find_answer --
select input_digest, response, sealed_event
from idempotency
where account_id = %(account_id)s and operation = %(operation)s and token = %(token)s;

-- save_answer --
insert into idempotency (account_id, operation, token, input_digest, response, sealed_event)
values (%(account_id)s, %(operation)s, %(token)s, %(input_digest)s, %(response)s, %(sealed_event)s);

-- forget_answers --
delete from idempotency
where created_at < clock_timestamp() - %(age)s;
