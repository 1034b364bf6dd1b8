"""What packs would have refused, told from entries of the log."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest

from countenance.audit.entry import draft_event
from countenance.audit.event import Event
from countenance.errors import SetupError
from countenance.facts import Charter, Claims
from countenance.gateway import record
from countenance.policy import load_purposes
from countenance.policy.simulation import UNSAID, Simulation, engine_for, to_call, to_request
from rule_packs import make_pack, rule

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def entry(operation="SearchFacesByImage", /, *, minute=0, **members):
    """An entry of an answered search of the account's own collection, at 80."""
    return {
        "v": 1,
        "kind": "call",
        "event": str(uuid.uuid4()),
        "time": (NOON + timedelta(minutes=minute)).isoformat(timespec="milliseconds")[:-6] + "Z",
        "service": "rekognition",
        "operation": operation,
        "decision": "allow",
        "outcome": "answered",
        "account": "ab" * 16,
        "operator": "cd" * 16,
        "purpose": "development",
        "collection": "ef" * 32,
        "threshold": {"asked": 80, "in_force": 80},
        "asked": {"candidates": 10},
        "model": {"version": "7.0", "digest": "0" * 64},
    } | members


@pytest.fixture
def simulate(operations, discharges, tmp_path):
    """Counts the entries given, under packs made of the keyword arguments' policies."""

    def simulate(entries, *, packs=None, since=None):
        made = {name: make_pack(tmp_path, name, **given) for name, given in (packs or {"pack": {}}).items()}
        simulation = Simulation(engine_for(made, operations, discharges=discharges), since=since)
        for number, each in enumerate(entries, 1):
            line = each if isinstance(each, str | bytes) else json.dumps({"index": number, "entry": each})
            simulation.read(line, number=number)
        return simulation.outcome

    return simulate


def test_what_would_have_been_refused_is_counted_by_rule_operation_and_purpose(simulate):
    """The figure that somebody decides by: so with its examples, and of how many."""
    calls = [entry() for _ in range(7)]
    high = entry(threshold={"asked": 95, "in_force": 95})
    users = entry("SearchUsersByImage", purpose="photo-library")
    outcome = simulate([*calls, high, users, entry("DetectFaces")])
    found = outcome.rules["PACK-1"]
    assert (outcome.calls, outcome.allowed, outcome.refused) == (10, 10, 8)
    assert (found.bound, found.refused, found.refused_already) == (10, 8, 0)
    assert found.by == {
        ("SearchFacesByImage", "development"): 7,
        ("SearchUsersByImage", "photo-library"): 1,
    }
    assert found.examples == [call["event"] for call in calls[:5]]
    assert outcome.by["DetectFaces", "development"] == 1
    assert found.unsaid == ()


def test_a_call_that_was_refused_anyway_is_no_new_refusal(simulate):
    """Else a pack would be blamed for what the core rules do."""
    outcome = simulate([entry(decision="deny", outcome="refused", error="AccessDeniedException"), entry()])
    found = outcome.rules["PACK-1"]
    assert (outcome.calls, outcome.allowed, outcome.refused) == (2, 1, 1)
    assert (found.refused, found.refused_already) == (1, 1)


def test_only_calls_that_got_to_the_policy_and_use_faces_are_judged(simulate):
    """A change, a statement, a call that nobody authenticated, and one about nothing of a face."""
    others = [
        {"v": 1, "kind": "canary", "event": str(uuid.uuid4()), "time": "2026-11-26T12:00:00.000Z"},
        entry(kind="change", operation="ChangeStanding"),
        entry(decision="none", outcome="refused", error="InvalidSignatureException"),
        entry("ListFaces"),
        "",
        "  \n",
    ]
    outcome = simulate(others)
    assert (outcome.lines, outcome.calls, outcome.malformed) == (4, 0, 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "no JSON"),
        ("[" * 5000, "no JSON"),
        ("[]", "no entry of the log"),
        ('{"entry": 1}', "no entry of the log"),
        ('{"kind": "call"}', "no 'operation'"),
        (json.dumps(entry(time="yesterday")), "a time is"),
        (json.dumps(entry(time=5)), "fromisoformat"),
        (json.dumps(entry(profile="pirates")), "`profile` is `pirates`"),
        (json.dumps(entry(claims={"source": "dreams"})), "`source` is `dreams`"),
        (json.dumps(entry(claims={"mood": "good"})), "no member `mood`"),
        (json.dumps(entry(claims=[])), "items"),
        (json.dumps(entry(threshold={"asked": 101})), "0 to 100"),
        (json.dumps(entry(purpose=7)), "not a text"),
        (json.dumps(entry(trained="yes")), "`trained` is not true or false"),
        (json.dumps(entry("DetectFaces", asked={"attributes": ["SOUL"]})), "`SOUL`"),
        (json.dumps(entry("CreateCollection", charter={"kind": "consented"})), "no 'purposes'"),
        (json.dumps(entry("CreateCollection", charter=["consented"])), "dictionary"),
        (json.dumps(entry(records=["luck"])), "no kind of record"),
        (b"\xff\xfe", "no JSON"),
    ],
)
def test_a_line_that_is_no_entry_is_counted_and_named_and_ends_nothing(simulate, line, said):
    """A log of a month is worth reading in spite of one bad line."""
    outcome = simulate([line, entry()])
    assert (outcome.lines, outcome.malformed, outcome.calls) == (2, 1, 1)
    [(number, problem)] = outcome.malformed_lines
    assert number == 1
    assert said in problem


def test_no_more_malformed_lines_are_named_than_somebody_reads(simulate):
    outcome = simulate(["nonsense"] * 30)
    assert (outcome.malformed, len(outcome.malformed_lines)) == (30, 20)


def test_a_pack_is_counted_for_those_whom_it_binds(simulate):
    """Of how many calls is a question about those that the pack is about."""
    packs = {"police": {"binds": {"profiles": ["law_enforcement"]}}}
    outcome = simulate([entry(), entry(profile="law_enforcement"), entry()], packs=packs)
    found = outcome.rules["POLICE-1"]
    assert (outcome.calls, found.bound, found.refused) == (3, 1, 1)


def test_rules_of_other_days_are_judged_as_if_they_were_in_force(simulate):
    """Before it is in force is when somebody wants to know; and of an old one what it would do again."""
    packs = {
        "later": {"in_force": {"from": "2099-01-01"}},
        "ended": {"in_force": {"from": "2001-01-01", "until": "2002-01-01"}},
    }
    outcome = simulate([entry()], packs=packs)
    assert {name: found.refused for name, found in outcome.rules.items()} == {"LATER-1": 1, "ENDED-1": 1}
    assert outcome.refused == 1


def test_a_duty_that_nobody_can_discharge_is_a_refusal(simulate):
    """As it would be: a call that owes what the service cannot do is refused."""
    duty = """@id("{0}") @message("m") @obligation("{1}")
permit (principal in Pack::"pack", action in Action::"search", resource);"""
    both = duty.format("DUTY-REVIEW", "human_review") + duty.format("DUTY-RECORD", "record_attestations")
    outcome = simulate(
        [entry(threshold={"asked": 99})],
        packs={"pack": {"obligations": both}},
    )
    assert {name: found.refused for name, found in outcome.rules.items()} == {
        "PACK-1": 0,
        "DUTY-REVIEW": 1,
        "DUTY-RECORD": 0,
    }


def test_calls_before_the_day_given_only_count_for_the_rate(simulate):
    """A rate is over the hour before, whenever judging begins."""
    packs = {"pack": {"policies": rule("pack", "PACK-1", "context.callsLastHour >= 3")}}
    entries = [entry(minute=minute) for minute in (-65, -50, -40, -30, 0, 1)]
    outcome = simulate(entries, packs=packs, since=NOON)
    found = outcome.rules["PACK-1"]
    assert (outcome.calls, found.refused) == (2, 2)
    assert found.unsaid == ("rate",)
    apart = simulate([entry(minute=60 * hour) for hour in range(5)], packs=packs)
    assert apart.refused == 0


@pytest.mark.parametrize(
    ("condition", "unsaid"),
    [
        ("context.callsLastHour > 5 && context has model && context.model.gatePassed", ("model", "rate")),
        ("context has model && context.model has worstGroupTprBp", ("model",)),
        ("resource is Collection && resource.faceCount > 5", ("face count",)),
        ("resource is Collection && resource.faceCap > 5", ()),
        ('principal.account.purposes.contains("development")', ("purposes",)),
        ('resource is Collection && resource.purposes.contains("development")', ()),
        ('principal.account.serves.contains("business")', ("beneficiary",)),
        ('principal in Profile::"business"', ("beneficiary",)),
        ("context has ownPurpose", ("own purpose",)),
        ('principal.operator == "Guy" && principal.officer', ("names", "officer")),
        ('principal in Account::"111122223333"', ("names",)),
        ('principal.account["standing"] == "restricted"', ("standing",)),
        ('principal in Standing::"restricted"', ("standing",)),
        ('context.attributes.contains("GENDER") && !principal.trained', ()),
        ('principal.account.records.contains(".officer")', ()),
    ],
)
def test_a_rule_that_looks_at_what_no_entry_says_is_marked(simulate, condition, unsaid):
    """And no other one: what its words happen to say is not what it looks at."""
    policies = rule("pack", "PACK-1", condition, remedy='"use" a photo of the officer')
    assert simulate([], packs={"pack": {"policies": policies}}).rules["PACK-1"].unsaid == unsaid


def test_whatever_a_rule_may_look_at_is_in_the_entry_or_marked():
    """A fact that is new to the schema must not be taken for something in silence."""
    told = {
        *(
            "account",
            "profile",
            "records",
            "trained",
            "owner",
            "personal",
            "roles",
        ),  # of the account, but for its standing
        *("now", "operation", "purpose", "purposeName", "thresholdBp", "candidates", "attributes"),
        *("hasCase", "consent", "live", "source", "age", "authorized", "exigent", "offenceFacts"),
        *("probableCause", "liveness", "model", "charter"),
        *("purposes", "kind", "faceCap", "retentionDays", "minorsAllowed", "hasLegalBasis"),
        *("mostFaces", "mostDays", "mayHaveMinors", "mayBeConsented"),  # of the charter's purposes
        *("profiles", "operations", "minimumThresholdBp", "maximumCandidates", "callsPerHour", "requires"),
        *("hasFpirBudget", "risk"),  # of the purpose
    }
    unsaid = {name.rpartition(".")[2] for names, _ in UNSAID.values() for name in names}
    schema = resources.files("countenance.policy").joinpath("schema.cedarschema").read_text("utf-8")
    members = set(re.findall(r"^    (\w+)\??: ", schema, re.MULTILINE))
    assert len(members) > 40
    assert members <= told | unsaid
    assert {name for name in unsaid if not name.endswith("::")} <= members


def test_an_allowed_call_that_core_rules_refuse_as_rebuilt_is_told(simulate):
    """There the entry said too little, and the figures for it are to be doubted."""
    outcome = simulate([entry(purpose="access-control", threshold={"asked": 99})])
    assert outcome.rebuilt_otherwise == 1


def test_a_pack_that_does_not_fit_the_schema_is_named(operations, tmp_path):
    pack = make_pack(tmp_path, "odd", policies=rule("odd", "ODD-1", "context.moonPhase == 1"))
    with pytest.raises(SetupError, match="odd"):
        engine_for({"odd": pack}, operations, discharges=())


def test_what_cannot_be_evaluated_is_told(simulate):
    """Cedar's numbers end at 2**63: an overflow is an error, and no allow."""
    policies = rule("pack", "PACK-1", f"context.now * {2**62} > 0")
    outcome = simulate([entry()], packs={"pack": {"policies": policies}})
    assert (outcome.calls, outcome.undecided) == (1, 1)
    assert "overflow" in outcome.undecided_calls[0][1]


def test_an_entry_is_rebuilt_with_all_that_it_says():
    """Member by member: references stand behind commitments, so only that there is one is known."""
    told = entry(
        "IndexFaces",
        profile="law_enforcement",
        purpose="missing-persons",
        records=["notice", "use_policy"],
        case="0" * 64,
        claims={"source": "relative", "age": "minor", "consent": True, "authorized": True, "exigent": True},
        charter={
            "purposes": ["missing-persons"],
            "kind": "reference",
            "face_cap": 9,
            "face_count": 4,
            "minors_allowed": True,
            "legal_basis": True,
            "retention_days": 30,
        },
    )
    request = to_request(told, calls_last_hour=3)
    assert request.account.account_id == "ab" * 16
    assert request.account.profile == "law_enforcement"
    assert request.account.records == {"notice", "use_policy"}
    assert (request.action, request.purpose) == ("rekognition:IndexFaces", "missing-persons")
    assert request.claims.attested() == {
        "source": "relative",
        "age": "minor",
        "consent": "in the entry",
        "authorization": "in the entry",
        "exigent": True,
    }
    assert request.claims.case is not None
    assert request.resource.face_count == 4
    assert request.resource.charter == Charter(
        purposes=("missing-persons",),
        kind="reference",
        legal_basis="in the entry",
        face_cap=9,
        retention_days=30,
        minors_allowed=True,
    )
    assert (request.calls_last_hour, request.now_s) == (3, int(NOON.timestamp()))
    assert request.model.version == "7.0"


def test_an_absent_charter_is_that_of_the_purpose():
    """The log leaves it out then: format, section 1."""
    for name, purpose in load_purposes().items():
        request = to_request(entry(purpose=name))
        assert request.resource.charter == purpose.charter()
        made = to_request(entry("CreateCollection", purpose=name))
        assert made.charter == purpose.charter()
        assert (made.resource.kind, made.resource.charter) == ("Collection", None)


def test_a_charter_that_was_asked_for_is_the_one_that_is_judged(simulate):
    """Also with further purposes: of an allowed call they were approved; of a refused one nobody says so."""
    asked = {
        "purposes": ["development", "photo-library"],
        "kind": "consented",
        "face_cap": 9,
        "face_count": 0,
        "minors_allowed": False,
        "legal_basis": True,
    }
    made = entry("CreateCollection", charter=asked)
    request = to_request(made)
    assert request.charter == Charter(
        purposes=("development", "photo-library"),
        kind="consented",
        legal_basis="in the entry",
        face_cap=9,
        retention_days=None,
        minors_allowed=False,
    )
    assert request.account.purposes == {"development", "photo-library"}
    refused = to_request(made | {"decision": "deny", "outcome": "refused"})
    assert refused.account.purposes == {"development"}
    looks = rule("pack", "PACK-1").partition("forbid")[0] + (
        'forbid (principal in Pack::"pack", action in Action::"chartering", resource is Collection)'
        "when { context has charter && context.charter.faceCap < 10 };"
    )
    outcome = simulate([made, entry("CreateCollection")], packs={"pack": {"policies": looks}})
    assert (outcome.calls, outcome.rules["PACK-1"].refused, outcome.rebuilt_otherwise) == (2, 1, 0)


def test_training_and_attributes_are_what_the_entry_says():
    """What is not there was not so, whatever the purpose and the decision."""
    purpose = next(name for name, each in load_purposes().items() if "training" in each.requires)
    assert to_request(entry(purpose=purpose, trained=True)).account.operator_trained
    assert not to_request(entry(purpose=purpose)).account.operator_trained
    asked = entry("DetectFaces", asked={"attributes": ["EMOTIONS", "SMILE"]})
    assert to_request(asked).attributes == {"EMOTIONS", "SMILE"}
    assert to_request(entry("DetectFaces")).attributes == frozenset()


def test_the_purpose_is_the_keys_own_where_none_is_asked_for():
    assert to_request(entry()).own_purpose == "development"
    asked = to_request(entry("AssumePurpose", service="countenance", purpose="research"))
    assert (asked.purpose, asked.own_purpose) == ("research", None)


def test_an_entry_as_the_server_writes_it_is_understood():
    """Drafted by the log's own code: no member of it may be strange to the simulation."""
    event = Event(
        event_id=uuid.uuid4(),
        at=NOON,
        service="rekognition",
        operation="SearchFacesByImage",
        decision="allow",
        outcome="answered",
        ended_at=NOON,
        purpose="missing-persons",
        profile="public_body",
        records=("notice",),
        claims={"source": "relative", "age": "adult"},
        candidates_asked=5,
        attributes_asked=("AGE_RANGE", "GENDER"),
        trained=True,
        threshold_asked=97.5,
        threshold=98.0,
    )
    call = to_call(json.loads(draft_event(event, None, lambda _: None).entry))
    assert call["candidates"] == 5
    assert call["attributes"] == ["AGE_RANGE", "GENDER"]
    assert call["account"]["trained"] is True
    assert call["threshold"] == 97.5
    assert call["account"]["profile"] == "public_body"
    assert call["claims"] == {"source": "relative", "age": "adult"}
    assert "collection" not in call


def test_everything_that_the_gateway_writes_of_claims_and_charters_is_read_back():
    """A member that only one of the two knows would make every such line malformed."""
    claims = Claims(
        case="C-1",
        source="cctv",
        consent="F-1",
        age="minor",
        live=True,
        authorization="W-1",
        exigent=True,
        offence_facts=True,
        probable_cause=True,
    )
    charter = Charter(
        purposes=("research",),
        kind="consented",
        legal_basis="",
        face_cap=5,
        retention_days=None,
        minors_allowed=True,
    )
    told = entry(case="0" * 64, claims=record._in_clear(claims), charter=record._charter_told(charter, 3))
    request = to_request(json.loads(json.dumps(told)))
    assert to_request(told | {"operation": "CreateCollection"}).charter == charter
    read = {name: value is not None for name, value in request.claims.attested().items()}
    assert read.keys() == claims.attested().keys()
    assert (request.claims.source, request.claims.age, request.claims.live) == ("cctv", "minor", True)
    assert (request.resource.charter, request.resource.face_count) == (charter, 3)
