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

-- list_events --
select
    event_id, at, request_id, service, operation, decision, outcome, account_id, access_key_id,
    operator, collection, resource, rule_ids, policy_digest, error_code, model_version,
    threshold, candidates, idempotent_replay
from audit_event
where account_id = %(account_id)s
order by at desc, event_id
limit %(limit)s;
