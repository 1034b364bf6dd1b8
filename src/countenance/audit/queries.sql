-- record_event --
insert into audit_event (
    event_id, at, request_id, service, operation, decision, outcome, account_id, access_key_id,
    operator, collection, resource, rule_ids, policy_digest, error_code, model_version,
    threshold, candidates, idempotent_replay
) values (
    %(event_id)s, %(at)s, %(request_id)s, %(service)s, %(operation)s, %(decision)s, %(outcome)s,
    %(account_id)s, %(access_key_id)s, %(operator)s, %(collection)s, %(resource)s, %(rule_ids)s,
    %(policy_digest)s, %(error_code)s, %(model_version)s, %(threshold)s, %(candidates)s,
    %(idempotent_replay)s
);

-- record_event_in_force --
-- The key must be unrevoked and the standing the one that policy saw, as of this statement: what ended while
-- the call ran stops it here. A key may revoke itself, hence the look at which transaction did it.
insert into audit_event (
    event_id, at, request_id, service, operation, decision, outcome, account_id, access_key_id,
    operator, collection, resource, rule_ids, policy_digest, error_code, model_version,
    threshold, candidates, idempotent_replay
)
select
    %(event_id)s, %(at)s, %(request_id)s, %(service)s, %(operation)s, %(decision)s, %(outcome)s,
    %(account_id)s, %(access_key_id)s, %(operator)s, %(collection)s, %(resource)s, %(rule_ids)s,
    %(policy_digest)s, %(error_code)s, %(model_version)s, %(threshold)s, %(candidates)s,
    %(idempotent_replay)s
from access_key as k
join account as a using (account_id)
left join access_key as p on p.access_key_id = k.parent_access_key_id
where k.access_key_id = %(access_key_id)s
    and a.standing = %(standing)s
    and (k.revoked_at is null or k.xmin = pg_current_xact_id()::xid)
    and (p.revoked_at is null or p.xmin = pg_current_xact_id()::xid);

-- list_events --
select
    event_id, at, request_id, service, operation, decision, outcome, account_id, access_key_id,
    operator, collection, resource, rule_ids, policy_digest, error_code, model_version,
    threshold, candidates, idempotent_replay
from audit_event
where account_id = %(account_id)s
order by at desc, event_id
limit %(limit)s;
