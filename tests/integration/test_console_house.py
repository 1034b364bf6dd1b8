"""The console's house: jobs, health, simulations, packs and the officers' desk, over a real socket."""

from __future__ import annotations

import html
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from console_visitor import make_member, make_officer
from countenance.cli.installation import open_store
from countenance.settings import Settings
from countenance.store.jobs import Jobs, Task
from logged_calls import await_entry

pytestmark = pytest.mark.xdist_group("server")

PACK = "us-wa-43.386"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
LOG_TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def sign_in(service, house):
    """Somebody new of the house, signed in; an officer is named as one as well."""

    def sign_in(*roles, account=house, named=True):
        name = f"{roles[0].capitalize()} {uuid.uuid4().hex[:6]}"
        if "officer" in roles and named:
            make_officer(service, house, name)
        return make_member(service, account, name, *roles).signed_in(service.endpoint)

    return sign_in


@pytest.fixture(scope="module")
def officer(sign_in):
    return sign_in("officer")


@pytest.fixture(scope="module")
def administrator(sign_in):
    return sign_in("administrator")


@pytest.fixture(scope="module")
def store(service):
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, _):
        yield database


def nothing(_context):
    """Never run: the job is another server's."""


@pytest.fixture
def importing(store, house):
    """An import's job that waits for a server that is not there, 40 of 100 photos done."""
    import_id = uuid.uuid4()
    with store.transaction() as connection:
        connection.execute(
            "insert into import_run (import_id, account_id, collection, request, state)"
            " values (%s, %s, 'friends', '{}', 'running')",
            (import_id, house),
        )
    task = Task("import", nothing, is_local=True)
    job_id = Jobs(store, server="elsewhere").defer(task, {"import_id": str(import_id)})
    with store.transaction() as connection:
        connection.execute(
            "insert into jobs.progress (job_id, done, total, note) values (%s, 40, 100, 'photos')", (job_id,)
        )
    return job_id


def test_a_job_is_shown_with_its_progress_and_ended_once(administrator, sign_in, importing):
    """As text and as a bar; whoever may not end it has no button, and is refused."""
    page = administrator.get("/console/jobs")
    assert f'href="/console/jobs/{importing}"' in page.body
    assert '<progress max="100" value="40"' in page.body
    assert "40 of 100 photos" in page.text
    path = f"/console/jobs/{importing}"
    developer = sign_in("developer")
    assert "40 of 100 photos" in developer.get(path).text
    refused = developer.post(path, {"do": "cancel"})
    assert (refused.status, "AccessDeniedException" in refused.text) == (400, True)
    assert administrator.post(path, {"do": "cancel"}).status == 303
    assert "cancelled" in administrator.get(path).text
    again = administrator.post(path, {"do": "cancel"})
    assert (again.status, "has ended" in again.text) == (400, True)


def test_no_other_account_sees_a_job(service, sign_in, importing):
    """By number, in the list, or by asking for the whole server's."""
    other = service.make_account(f"Other {uuid.uuid4().hex[:6]}")["account"]
    theirs = sign_in("administrator", "developer", account=other)
    assert theirs.get(f"/console/jobs/{importing}").status == 400
    for query in ("", "?ended=1", "?whose=house", "?whose=house&ended=1"):
        page = theirs.get(f"/console/jobs{query}")
        assert (page.status, f"jobs/{importing}" in page.body) == (200, False)
    assert theirs.post(f"/console/jobs/{importing}", {"do": "cancel"}).status == 400


@pytest.mark.parametrize("number", ["0", "-1", "1e3", "999999999999999", "9" * 30, "1;drop", "%00"])
def test_numbers_that_are_none_are_no_page(administrator, number):
    assert administrator.get(f"/console/jobs/{number}").status in {400, 404}


def test_the_house_sees_its_own_jobs(officer, administrator):
    """Tidying is the server's; an account's administrator is not told of it."""
    assert "the server's own" in officer.get("/console/jobs?whose=house&ended=1").text
    assert "the server's own" not in administrator.get("/console/jobs?whose=house&ended=1").text


def test_health_says_what_is_and_figures_only_to_officers(officer, administrator):
    """No path and no figure of the machine for an account's roles."""
    full, part = officer.get("/console/health"), administrator.get("/console/health")
    for subject in ("audit log", "jobs", "models", "terms", "rule packs"):
        assert subject in part.text
    for subject in ("database", "keys", "disk", "gallery memory", "backups", "officers"):
        assert re.search(rf'<th scope="row">{subject}</th>', full.body), subject
        assert not re.search(rf'<th scope="row">{subject}</th>', part.body), subject
    assert "cannot be looked at" not in full.text
    assert "PostgreSQL" in full.text
    assert "GiB" not in part.text


def test_nothing_of_the_machine_is_told(officer, service):
    """Not even to officers: where things lie is for whoever is on the machine."""
    page = officer.get("/console/health")
    assert str(service.data_dir) not in page.body
    assert "postgresql://" not in page.body


def test_the_overview_plots_the_calls_of_the_day(administrator, sign_in):
    """From counts of the sequencer: what was called is seen within seconds, drawn and in the table."""
    deadline, auditor = time.monotonic() + LOG_TIMEOUT_S, sign_in("auditor")
    while time.monotonic() < deadline:
        page = auditor.get("/console")
        drawn = page.body.partition("Calls of the last")[2].partition("</figure>")[0]
        rows = re.findall(r'<tr><th scope="row">(\d\d-\d\d)</th>(.*?)</tr>', drawn)
        assert len(rows) == 30
        calls = int(re.findall(r">([\d ]+)</td>", rows[-1][1])[0].replace(" ", ""))
        if calls > 0:
            break
        time.sleep(0.2)
    assert (calls > 0, '<rect class="series-1" x=' in drawn) == (True, True)


def test_what_a_pack_would_have_refused_is_told_and_nothing_changed(administrator, service):
    """By rule, with the bound said; whoever asks for nothing is told what to do."""
    before = administrator.get("/console/policy").body
    page = administrator.get(f"/console/policy/simulate?coming.{PACK}=1&days=7&run=1")
    assert (page.status, "Calls judged" in page.text, "entries of the log were read" in page.text) == (
        200,
        True,
        True,
    ), page.text
    digest = re.search(r"decides now: <code>([0-9a-f]{64})", before)
    assert digest
    assert digest.group(1) in administrator.get("/console/policy").body
    for query, said in (
        ("run=1", "nothing changes"),
        ("coming.nobody=1&run=1", "there is no pack"),
        (f"coming.{PACK}=1&going.{PACK}=1&run=1", "both"),
    ):
        page = administrator.get(f"/console/policy/simulate?{query}&days=x")
        assert (page.status, said in page.text) == (200, True), page.text


def test_a_simulation_tells_what_then_comes_and_what_would_go_again(service, portraits):
    """Both ways round, on calls that were made: what would be refused is what is, once it is so."""
    pack = "us-il-bipa"
    made = service.make_account(f"Illinois {uuid.uuid4().hex[:6]}", "development")
    rekognition, client = service.client(**made), service.client("countenance", **made)
    photo = {"Bytes": next(iter(portraits.known.values()))[0].read_bytes()}
    name = f"il-{uuid.uuid4().hex[:8]}"
    rekognition.create_collection(CollectionId=name)

    def enrol() -> str:
        answer = rekognition.index_faces(CollectionId=name, Image=photo)
        return answer["ResponseMetadata"]["RequestId"]

    def simulated(event, **change):
        """Once the log has the event."""
        await_entry(client, event)
        return client.simulate_policy(**change)

    allowed = enrol()
    found = simulated(allowed, Activate=[pack])
    assert (found["WouldBeRefused"], found["WouldBeAllowed"], found["IsWhole"]) == (1, 0, True)
    rules = {rule["RuleId"]: rule for rule in found["Rules"]}
    assert rules["BIPA-001"]["EventIds"] == [allowed]
    assert rules["BIPA-001"]["By"] == [{"Operation": "IndexFaces", "Purpose": "development", "Calls": 1}]
    service.officer().activate_pack(Pack=pack, AccountIds=[made["account"]])
    try:
        with pytest.raises(rekognition.exceptions.AccessDeniedException, match="BIPA-001") as refused:
            enrol()
        event = refused.value.response["ResponseMetadata"]["RequestId"]
        found = simulated(event, Deactivate=[pack])
        assert (found["WouldBeAllowed"], found["AllowedEventIds"]) == (1, [event])
        assert {"BIPA-001", "BIPA-002"} < {rule["RuleId"] for rule in found["Rules"]}
        assert all(rule["RefusedThen"] == 1 for rule in found["Rules"])
        both = simulated(event, Deactivate=[pack], Activate=[PACK])
        assert both["WouldBeAllowed"] == 1, "a pack that binds agencies alone refuses nothing here"
    finally:
        service.officer().deactivate_pack(Pack=pack)
        rekognition.delete_collection(CollectionId=name)


def test_a_simulation_goes_on_where_it_ended(administrator, service):
    """Each stretch has its own figures and says what is left: together they are every entry, once."""
    client = service.client("countenance")
    last = [client.get_caller_identity() for _ in range(30)][-1]
    await_entry(client, last["ResponseMetadata"]["RequestId"])
    change = {"Activate": [PACK], "Since": datetime.now(UTC) - timedelta(days=7), "MaxEntries": 7}
    found = client.simulate_policy(**change)
    assert (found["EntriesRead"], found["EntriesNewer"], found["IsWhole"]) == (7, 0, False)
    read, left, oldest = 7, found["EntriesOlder"], found["OldestAt"]
    assert left > 0
    for _ in range(2):
        found = client.simulate_policy(**change, NextToken=found["NextToken"])
        assert found["EntriesRead"] == min(7, left)
        assert left == found["EntriesRead"] + found["EntriesOlder"]
        assert found["EntriesNewer"] == read, "the calls that it makes itself are not among them"
        assert found["NewestAt"] <= oldest + timedelta(seconds=1), "calls overlap, and not by much"
        read, left, oldest = read + found["EntriesRead"], found["EntriesOlder"], found["OldestAt"]
    token = found["NextToken"]
    later = {"MaxEntries": 5000, "Since": datetime.now(UTC)}  # when it began it was another time
    rest, total = {"NextToken": token}, 0
    while "NextToken" in rest:
        rest = client.simulate_policy(**(change | later), NextToken=rest["NextToken"])
        total += rest["EntriesRead"]
    assert (total, rest["EntriesOlder"], rest["IsWhole"]) == (left, 0, True)
    for other in ({"Activate": ["us-il-bipa"]}, {"NextToken": "x" * 40}):
        with pytest.raises(client.exceptions.InvalidPaginationTokenException):
            client.simulate_policy(**(change | {"NextToken": token} | other))


def test_the_page_of_a_simulation_goes_on_and_says_how_far_it_is(service, sign_in):
    """More than one page reads: how many of how many, and a link to those before."""
    made = service.make_account(f"busy {uuid.uuid4().hex[:6]}")
    client = service.client("countenance", **made)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: client.get_health(), range(1010)))
    auditor, deadline = sign_in("auditor", account=made["account"]), time.monotonic() + LOG_TIMEOUT_S
    path = f"/console/policy/simulate?coming.{PACK}=1&days=7&entries=1000&run=1"
    while "Judge the" not in (page := auditor.get(path)).text:
        assert time.monotonic() < deadline, page.text
        time.sleep(0.2)
    entries = re.search(r'<progress id="read" value="1000" max="(\d+)">', page.body)
    assert 1000 < int(entries.group(1)) < 2000
    further = re.search(r'<a class="button" href="(\?[^"]+)">Judge the', page.body)
    second = auditor.get("/console/policy/simulate" + html.unescape(further.group(1)))
    assert (second.status, re.search(r"1 \d\d\d are newer", second.text) is not None) == (200, True), (
        second.text
    )
    forged = auditor.get(f"{path}&after=forged")
    assert (forged.status, "Calls judged" in forged.text) == (200, False)
    assert "InvalidPaginationTokenException" in forged.text


def test_simulations_do_not_pile_up(service):
    """Each is seconds of a core: of several at once some may be told to come again, and none fails."""
    client = service.client("countenance")

    def ask(_):
        try:
            client.simulate_policy(Activate=[PACK])
        except client.exceptions.ThrottlingException:
            return "throttled"
        return "answered"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(ask, range(4)))
    assert "answered" in told


def test_a_pack_is_begun_and_ended_by_an_officer_who_says_to_know(officer, administrator, service):
    """Nobody else has the form, the box must be ticked, and an account that is not there is refused."""
    path = f"/console/policy/packs/{PACK}"
    begun = {"do": "activate", "mode": "shadow", "sure": "yes"}
    assert "no lawyer has reviewed" in administrator.get(path).text.lower()
    assert 'name="sure"' not in administrator.get(path).body
    refused = administrator.post(path, begun)
    assert (refused.status, "AccessDeniedException" in refused.text) == (400, True)
    assert officer.post(path, begun | {"sure": ""}).status == 400
    other = service.make_account(f"Bound {uuid.uuid4().hex[:6]}")["account"]
    assert officer.post(path, begun | {"accounts": "999999999999"}).status == 400
    assert officer.post(path, begun | {"accounts": f"{other}, "}).status == 303
    try:
        assert "shadow: watched only" in officer.get(path).text
        assert other in officer.get(path).text
        assert other not in administrator.get(path).text
    finally:
        assert officer.post(path, {"do": "deactivate", "sure": "yes"}).status == 303
    assert "not in use" in officer.get(path).text
    assert officer.get("/console/policy/packs/nobody").status == 404


def test_an_officer_decides_what_waits_of_every_account(officer, service):
    """With a reason that the account reads; and what was typed comes back where it is refused."""
    made = service.make_account(f"Asking {uuid.uuid4().hex[:6]}")
    client = service.client("countenance", **made)
    asked = client.request_purpose(Purpose="photo-library", Justification=EVIL)["RequestId"]
    page = officer.get("/console/office")
    assert asked in page.body
    assert "<script>alert" not in page.body
    fields = {"do": "request", "which": asked, "decision": "approve", "reason": "for a test"}
    wrong = officer.post("/console/office", fields | {"decision": "perhaps", "reason": EVIL})
    assert wrong.status == 400
    assert "&lt;script&gt;alert(1)" in wrong.body
    assert officer.post("/console/office", fields).status == 303
    assert client.list_purpose_requests()["Requests"][0]["Status"] == "approved"
    again = officer.post("/console/office", fields)
    assert again.status in {400, 404}
    assert asked not in officer.get("/console/office").body


def test_a_standing_is_changed_and_its_appeal_decided_by_another(officer, sign_in, service):
    """Whoever suspended cannot dismiss the appeal; another officer can grant it."""
    made = service.make_account(f"Judged {uuid.uuid4().hex[:6]}")
    account, client = made["account"], service.client("countenance", **made)
    path = f"/console/office/accounts/{account}"
    assert officer.post(path, {"do": "standing", "standing": "suspended", "reason": ""}).status == 400
    changed = officer.post(path, {"do": "standing", "standing": "suspended", "reason": "for a test"})
    assert changed.status == 303
    assert client.describe_account()["Standing"] == "suspended"
    appeal = client.submit_appeal(Statement="It was only a test.")["AppealId"]
    fields = {"do": "appeal", "which": appeal, "decision": "grant", "reason": "so it was"}
    own = officer.post("/console/office", fields)
    assert (own.status, "AccessDeniedException" in own.text) == (400, True), own.text
    assert appeal in own.body
    other = sign_in("officer")
    assert other.post("/console/office", fields).status == 303
    assert client.describe_account()["Standing"] == "good"
    assert "so it was" in other.get(path).text


def test_a_termination_takes_two(officer, sign_in, service):
    """The first officer's word is a proposal."""
    account = service.make_account(f"Ended {uuid.uuid4().hex[:6]}")["account"]
    path, fields = f"/console/office/accounts/{account}", {"do": "standing", "standing": "terminated"}
    first = officer.post(path, fields | {"reason": "for a test"})
    assert "proposed" in first.headers["location"]
    assert officer.post(path, fields | {"reason": "again"}).status == 400
    assert "terminated" in sign_in("officer").post(path, fields | {"reason": "too"}).headers["location"]
    assert "terminated" in officer.get(path).text


def test_the_role_alone_is_no_office(sign_in, house):
    """Whoever is not named on the server's machine is told so, and decides nothing."""
    unnamed = sign_in("officer", named=False)
    assert "countenance officers add" in unnamed.get("/console/office").text
    fields = {"do": "standing", "standing": "suspended", "reason": "x"}
    page = unnamed.post(f"/console/office/accounts/{house}", fields)
    assert (page.status, "AccessDeniedException" in page.text) == (400, True)


@pytest.mark.parametrize("path", ["/console/office", "/console/office/accounts/{house}"])
def test_the_office_is_for_officers(administrator, house, path):
    """For every other role it is not there, to be looked at or to be sent a form."""
    where = path.format(house=house)
    assert administrator.get(where).status == 404
    assert administrator.post(where, {"do": "standing", "standing": "good", "reason": "x"}).status == 404
