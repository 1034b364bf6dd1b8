from __future__ import annotations

import dataclasses
import importlib.util
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from countenance.errors import SetupError
from countenance.policy import AccessRequest, Decision, PolicyEngine
from countenance.policy.call_file import parse_call
from countenance.policy.groups import GROUPS
from countenance.policy.packs import (
    FILES,
    SIGNATURE,
    Activation,
    Pack,
    digest_of,
    load_pack,
    load_packs,
    shipped_issuers,
    shipped_packs,
    signed_text,
)
from countenance.transparency.note import Signer
from rule_packs import HARMLESS, ISSUER, make_pack, rule, write_pack

ROOT = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 26)
ALL_DUTIES = ("fpir_budget", "human_review", "log_min_12_3", "record_attestations", "two_person_verification")
SHIPPED = load_packs(shipped_packs(), shipped_issuers())
TRUSTED = [ISSUER.verifier]


@pytest.fixture(scope="module")
def built(operations) -> Callable[..., PolicyEngine]:
    """`built(packs, "x")`: an engine with the pack `x` enforced, among those known."""

    def build(packs: Mapping[str, Pack], *active: str | Activation, today: date = TODAY) -> PolicyEngine:
        activations = [Activation(each) if isinstance(each, str) else each for each in active]
        return PolicyEngine.load(
            operations, packs=packs, activations=activations, discharges=ALL_DUTIES, today=today
        )

    return build


@pytest.fixture
def police(lawful) -> AccessRequest:
    """A lawful search for a lead, of a trained operator, in the case C-1."""
    return lawful("SearchFacesByImage", "investigative-lead")


# ---- those that come with the program


def test_the_packs_that_come_with_the_program_are_all_signed_by_its_issuer():
    """Nobody edits one without the key."""
    assert set(SHIPPED) == {
        *("eu-ai-act", "eu-gdpr", "identity-proofing", "law-enforcement", "nist-800-63a", "uk-bridges"),
        *("us-amazon-guidance", "us-co-24-18", "us-detroit-2024", "us-il-bipa", "us-nyc-22-1201"),
        *("us-tx-cubi", "us-va-2022", "us-va-2026", "us-wa-43.386"),
    }
    assert {pack.signed_by for pack in SHIPPED.values()} == {"countenance.example/packs"}
    assert {pack.manifest.legal_review for pack in SHIPPED.values()} == {"none"}


def test_all_of_them_go_together(built):
    """An operator may be under every law at once."""
    engine = built(SHIPPED, *SHIPPED)
    assert set(engine.activations) == set(SHIPPED)
    assert {"LE-001", "WA-080-1", "EU-026"} <= engine.rules.keys()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_decision_is_broken_by_what_the_packs_tests_say_and_only_where_it_binds(built, name):
    """The tests ask the pack alone, on no day; this is what decides, on a day when all is in force."""
    pack, day = SHIPPED[name], date(2026, 6, 30) if name == "us-va-2022" else date(2028, 1, 1)
    engine = built({name: pack}, name, today=day)
    ids, refused = {forbid.rule_id for forbid in pack.rules}, set()
    for test in pack.tests:
        call = parse_call(test["call"])
        broken = ids & set(engine.decide(call).rule_ids)
        assert broken == (set(test["breaks"]) if engine.packs_for(call) else set()), test["name"]
        refused |= broken
    assert refused == ids


def test_profile_packs_are_always_in_force_for_profile_and_purpose(built, police, lawful):
    """Whoever runs the server can leave out any pack but these."""
    engine = built(SHIPPED)
    assert set(engine.activations) == {"law-enforcement", "identity-proofing"}
    assert engine.packs_for(police) == {"law-enforcement"}
    by_purpose = dataclasses.replace(police, account=dataclasses.replace(police.account, profile="general"))
    assert engine.packs_for(by_purpose) == {"law-enforcement"}
    by_profile = lawful("SearchFaces", "missing-persons", account__profile="law_enforcement")
    assert engine.packs_for(by_profile) == {"law-enforcement"}
    assert engine.decide(by_profile).rule_ids == ("LE-005",)
    serving = {"account__serves": frozenset({"business", "law_enforcement"})}
    by_service = lawful("SearchFaces", "missing-persons", account__profile="public_body", **serving)
    assert engine.packs_for(by_service) == {"law-enforcement"}
    assert set(engine.decide(by_service).rule_ids) == {"LE-005", "PUR-009"}
    assert engine.packs_for(lawful("CompareFaces", "identity-proofing")) == {"identity-proofing"}
    assert engine.packs_for(lawful("SearchFaces", "missing-persons")) == frozenset()


@pytest.mark.parametrize(
    "serves", [frozenset(), frozenset({"law_enforcement"})], ids=["police", "for police"]
)
@pytest.mark.parametrize(
    ("changes", "rule_ids"),
    [
        ({}, ("CORE-001",)),
        ({"account__operator_trained": False}, ("LE-005",)),
        ({"claims__case": None}, ("LE-003", "PUR-011")),
        ({"threshold": 89.0}, ("PUR-005",)),
    ],
    ids=["lawful", "not trained", "no case", "below the purpose's own bound"],
)
def test_a_comparison_for_police_is_held_to_what_a_search_is(built, lawful, serves, changes, rule_ids):
    """One face against the faces of a crowd is a search, whatever the operation is called."""
    profile = "public_body" if serves else "law_enforcement"
    given = {"account__profile": profile, "account__serves": serves, "account__operator_trained": True}
    engine = built(SHIPPED)
    for operation in ("CompareFaces", "SearchFacesByImage"):
        verdict = engine.decide(lawful(operation, "missing-persons", **given | changes))
        assert verdict.rule_ids == rule_ids
        assert ("human_review" in verdict.obligations) == (rule_ids == ("CORE-001",))


def test_where_nobody_reviews_no_comparison_of_police_is_answered(operations, lawful):
    """LE-004 is a duty: who cannot discharge it refuses."""
    duties = set(ALL_DUTIES) - {"human_review"}
    engine = PolicyEngine.load(operations, packs=SHIPPED, discharges=duties, today=TODAY)
    given = {"account__profile": "law_enforcement", "account__operator_trained": True}
    for operation in ("CompareFaces", "SearchFacesByImage"):
        assert engine.decide(lawful(operation, "missing-persons", **given)).rule_ids == ("LE-004",)
    assert engine.decide(lawful("CompareFaces", "missing-persons")).decision is Decision.ALLOW


def test_no_activation_turns_off_or_narrows_what_is_always_in_force(built, police):
    """A floor that an officer could put into shadow would be none."""
    lax = dataclasses.replace(police, threshold=80.0)
    for weaker in (
        Activation("law-enforcement", "shadow"),
        Activation("law-enforcement", accounts=frozenset({"999999999999"})),
    ):
        assert "LE-001" in built(SHIPPED, weaker).decide(lax).rule_ids


# ---- dates, shadow, whom it binds


def test_rules_come_into_force_by_their_own_days(built, police):
    """The AI Act's prohibitions are in force, its duties for systems of high risk are not yet."""
    only = {"eu-ai-act": SHIPPED["eu-ai-act"]}
    before = built(only, "eu-ai-act", today=date(2027, 12, 1)).decide(police)
    assert (before.decision, before.shadow, before.rule_ids) == (Decision.ALLOW, ("EU-026",), ("CORE-001",))
    assert "two_person_verification" not in before.obligations
    after = built(only, "eu-ai-act", today=date(2027, 12, 2)).decide(police)
    assert (after.decision, after.rule_ids, after.shadow) == (Decision.DENY, ("EU-026",), ())
    authorized = dataclasses.replace(police, claims=dataclasses.replace(police.claims, authorization="A-1"))
    assert (
        "two_person_verification"
        in built(only, "eu-ai-act", today=date(2027, 12, 2)).decide(authorized).obligations
    )


def test_rules_end_after_their_last_day(built, police):
    """Two dated packs of one matter: no day has a gap, and none has both."""
    both = {name: SHIPPED[name] for name in ("us-va-2022", "us-va-2026")}
    last, next_day = (built(both, *both, today=date(2026, *day)) for day in ((6, 30), (7, 1)))
    assert "VA22-002" in last.decide(police).rule_ids
    assert not [name for name in last.decide(police).rule_ids if name.startswith("VA26")]
    assert "VA26-001" in last.decide(police).shadow
    assert "VA26-001" in next_day.decide(police).rule_ids
    assert not [
        name for name in {*next_day.rules, *next_day.decide(police).shadow} if name.startswith("VA22")
    ]
    assert (SHIPPED["us-va-2022"].state(TODAY), SHIPPED["us-va-2026"].state(TODAY)) == ("ended", "enforce")


def test_a_pack_in_shadow_refuses_nothing_and_tells_what_it_would(built, tmp_path, lawful):
    """So an operator sees what a pack would do before it does it."""
    packs = {"x": make_pack(tmp_path, "x")}
    call = lawful("SearchFaces", threshold=80.0)
    enforced, watched = (built(packs, Activation("x", mode)).decide(call) for mode in ("enforce", "shadow"))
    assert (enforced.decision, enforced.rule_ids) == (Decision.DENY, ("X-1",))
    assert (watched.decision, watched.shadow) == (Decision.ALLOW, ("X-1",))
    assert built(packs, Activation("x", "shadow")).state_of("X-1") == "shadow"
    assert built(packs).decide(call).shadow == ()


def test_what_a_pack_in_shadow_makes_a_duty_is_none(built, tmp_path, lawful):
    """Watching must not hold up a call."""
    duty = '@id("X-1") @obligation("%s") @message("m") permit (principal in Pack::"x", action, resource);'
    tests = [{"name": "any", "call": {"operation": "rekognition:SearchFaces"}, "owes": ["paint_it_blue"]}]
    pack = make_pack(tmp_path, "x", policies="", obligations=duty % "paint_it_blue", tests=tests)
    call = lawful("SearchFaces")
    assert built({"x": pack}, Activation("x", "shadow")).decide(call).decision is Decision.ALLOW
    refused = built({"x": pack}, "x").decide(call)
    assert (refused.decision, refused.rule_ids) == (Decision.DENY, ("X-1",))
    assert "cannot discharge" in refused.message


def test_an_activation_for_some_accounts_binds_only_those(built, tmp_path, lawful):
    """Houses with customers under different laws."""
    packs = {"x": make_pack(tmp_path, "x")}
    engine = built(packs, Activation("x", accounts=frozenset({"222222222222"})))
    ours = lawful("SearchFaces", threshold=80.0)
    theirs = lawful("SearchFaces", account__account_id="222222222222", resource__owner="222222222222")
    assert engine.decide(ours).decision is Decision.ALLOW
    assert engine.decide(dataclasses.replace(theirs, threshold=80.0)).rule_ids == ("X-1",)


@pytest.mark.parametrize(
    ("binds", "bound"),
    [
        ({}, {"development", "photo-library", "identity-verification", "for a business", "for both"}),
        ({"profiles": ["business"]}, {"photo-library", "for a business", "for both"}),
        ({"profiles": ["public_body"]}, {"for both"}),
        ({"purposes": ["development"]}, {"development"}),
        (
            {"profiles": ["business"], "purposes": ["development"]},
            {"development", "photo-library", "for a business", "for both"},
        ),
    ],
    ids=["everybody", "a profile", "a profile that is only served", "a purpose", "either"],
)
def test_a_pack_binds_by_profile_or_purpose(built, tmp_path, lawful, binds, bound):
    """Either is enough, the profile of one for whom the account acts too; neither means everybody."""
    engine = built({"x": make_pack(tmp_path, "x", binds=binds)}, "x")
    calls = {
        "development": lawful("SearchFaces"),
        "photo-library": lawful("SearchFaces", "photo-library", account__profile="business"),
        "identity-verification": lawful("CompareFaces", "identity-verification"),
        "for a business": lawful("SearchFaces", "photo-library", account__serves=frozenset({"business"})),
        "for both": lawful(
            "SearchFaces", "photo-library", account__serves=frozenset({"business", "public_body"})
        ),
    }
    assert {name for name, call in calls.items() if engine.packs_for(call)} == bound


# ---- packs of strangers and of enemies


PERMIT = '@id("X-1") @message("m") @remedy("r") permit (principal in Pack::"x", action, resource);'
FORBID = '@id("X-1") @message("m") @remedy("r") forbid (%s, action, resource);'
DUTY = '@id("X-2") @obligation("o") @message("m") @remedy("r") %s (%s, action, resource);'
OURS = 'principal in Pack::"x"'


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        ({"policies": PERMIT}, "permits: a pack may only forbid"),
        ({"policies": FORBID % "principal"}, "does not begin with"),
        ({"policies": FORBID % 'principal in Pack::"y"'}, "does not begin with"),
        ({"policies": FORBID % "principal in ?principal"}, "template"),
        ({"policies": FORBID % OURS + "forbid (principal"}, "cannot be read"),
        ({"policies": rule("x", "X-1", **{"from": "tomorrow"})}, "not a day"),
        ({"obligations": DUTY % ("forbid", OURS)}, "is no obligation"),
        ({"obligations": DUTY.replace('@obligation("o")', "") % ("permit", OURS)}, "is no obligation"),
        ({"obligations": DUTY % ("permit", "principal")}, "does not begin with"),
        ({"tests": []}, "has no tests"),
        ({"tests": {}}, "has no tests"),
        ({"id": "y"}, "manifest of the pack `x` is damaged"),
        ({"legal_review": "done"}, "damaged"),
        ({"legal_review": ""}, "damaged"),
        ({"kind": "permission"}, "damaged"),
        ({"binds": {"profiles": ["policemen"]}}, "damaged"),
        ({"binds": {"profiles": [{}]}}, "damaged"),
        ({"binds": {"purposes": "development"}}, "damaged"),
        ({"binds": []}, "damaged"),
        ({"in_force": {"from": "soon"}}, "damaged"),
        ({"in_force": {"until": 20260630}}, "damaged"),
        ({"in_force": {"from": "2026-02-30"}}, "damaged"),
        ({"in_force": None}, "damaged"),
        ({"sources": "none"}, "damaged"),
        ({"title": None}, "damaged"),
    ],
    ids=[
        *("permit", "no scope", "another pack's scope", "template", "syntax", "day of a rule"),
        *("duty that forbids", "duty without a name", "duty without scope", "no tests", "tests of no list"),
        *("id", "reviewed", "review unsaid", "kind", "profile", "profile of no text", "purposes of no list"),
        *("binds", "from", "until", "no such day", "no days", "sources", "title"),
    ],
)
def test_a_hostile_pack_is_refused_though_somebody_trusted_signed_it(tmp_path, made, problem):
    """A pack may only narrow, and only for whom it binds."""
    write_pack(tmp_path, "x", **made)
    with pytest.raises(SetupError, match=problem):
        load_packs(tmp_path, TRUSTED)


FORBIDS_ALL = FORBID % OURS
OWES_ALL = DUTY % ("permit", OURS)


@pytest.mark.parametrize(
    ("made", "mode", "is_enforced"),
    [
        ({}, "enforce", True),
        ({"always": True}, "shadow", True),
        ({}, "shadow", False),
        ({"in_force": {"from": "2099-01-01"}}, "enforce", False),
    ],
    ids=["enforced", "always", "in shadow", "not in force yet"],
)
def test_a_signed_pack_that_forbids_all_closes_neither_terms_nor_due_process(
    built, tmp_path, lawful, made, mode, is_enforced
):
    """Nor does it keep an officer from ending its use; whoever signs packs is no judge in its own case."""
    tests = [
        {"name": name, "call": {"operation": f"countenance:{name}"}, "breaks": ["X-1"], "owes": ["o"]}
        for name in ("SubmitAppeal", "DeactivatePack")
    ]
    pack = make_pack(tmp_path, "x", policies=FORBIDS_ALL, obligations=OWES_ALL, tests=tests, **made)
    assert pack.signed_by == "packs.example"
    engine = built({"x": pack}, Activation("x", mode))
    open_to_all = {*GROUPS["terms"], *GROUPS["dueProcess"], *GROUPS["rights"]}
    for name in (*open_to_all, "DeactivatePack"):
        verdict = engine.decide(lawful(name))
        assert (verdict.decision, verdict.errors, verdict.obligations) == (Decision.ALLOW, (), ()), name
        assert verdict.shadow == (() if is_enforced else ("X-1",))
        if name in open_to_all:
            shut_out = lawful(name, account__standing="suspended", account__terms_accepted=False)
            assert engine.decide(shut_out).decision is Decision.ALLOW
    assert engine.decide(lawful("DeactivatePack", officer=False)).rule_ids == ("CORE-004",)
    for name in ("SearchFaces", "ListFaces", "ActivatePack", "OpenFinding", "AssumePurpose"):
        assert ("X-1" in engine.decide(lawful(name)).rule_ids) == is_enforced


@pytest.mark.parametrize("file", FILES)
def test_a_byte_changed_after_the_signature_is_found(tmp_path, file):
    """In any of the four files, even one that changes no meaning."""
    folder = write_pack(tmp_path, "x")
    text = (folder / file).read_bytes()
    (folder / file).write_bytes(text + b"\n" if file != "obligations.cedar" else b"// nothing\n")
    with pytest.raises(SetupError, match="was changed after it was signed"):
        load_pack(folder, TRUSTED)
    (folder / file).write_bytes(text)
    assert load_pack(folder, TRUSTED).signed_by == "packs.example"


def test_bytes_moved_from_one_file_to_another_are_found(tmp_path):
    """The digest counts lengths: the same bytes in other files are another pack."""
    folder = write_pack(tmp_path, "x", obligations="// moved")
    policies = (folder / "policies.cedar").read_text()
    (folder / "policies.cedar").write_text(policies + "// moved")
    (folder / "obligations.cedar").write_text("")
    with pytest.raises(SetupError, match="was changed"):
        load_pack(folder, TRUSTED)


@pytest.mark.parametrize("note", ["", "text", "\ud800", "a\n\n— packs.example AAAA\n"])
def test_a_pack_without_a_note_is_nobodys(tmp_path, note):
    """Nor is one whose note cannot be read."""
    folder = write_pack(tmp_path, "x")
    (folder / SIGNATURE).write_bytes(note.encode(errors="surrogatepass"))
    with pytest.raises(SetupError, match="no signature of an issuer that is trusted"):
        load_pack(folder, TRUSTED)


def test_a_strangers_pack_is_refused_even_under_a_trusted_name(tmp_path):
    """A name is no key."""
    for name in ("strangers.example", "packs.example"):
        folder = write_pack(tmp_path / name, "x", signer=Signer.generate(name))
        with pytest.raises(SetupError, match="policy trust"):
            load_pack(folder, TRUSTED)


def test_the_signature_of_another_pack_is_none_of_this(tmp_path):
    """Nor is that of another version of it."""
    folder = write_pack(tmp_path, "x")
    for other in (write_pack(tmp_path, "y"), write_pack(tmp_path / "new", "x", version="2.0")):
        shutil.copy(other / SIGNATURE, folder / SIGNATURE)
        with pytest.raises(SetupError, match="was changed after it was signed"):
            load_pack(folder, TRUSTED)


@pytest.mark.parametrize("file", [*FILES, SIGNATURE])
@pytest.mark.parametrize("how", ["absent", "folder", "link", "dangling link", "pipe", "long"])
def test_a_file_that_is_no_plain_file_of_the_pack_is_refused(tmp_path, file, how):
    """A link could lead to what its reader may see and nobody else; a pipe would hold up the start."""
    folder = write_pack(tmp_path, "x")
    entry, kept = folder / file, tmp_path / "kept"
    entry.rename(kept)
    if how == "folder":
        entry.mkdir()
    elif how in {"link", "dangling link"}:
        entry.symlink_to(kept if how == "link" else tmp_path / "nowhere")
    elif how == "pipe":
        os.mkfifo(entry)
    elif how == "long":
        entry.write_bytes(kept.read_bytes() + b" " * (1 << 20) + b" ")
    problem = "is longer than" if how == "long" else "cannot be read" if how == "absent" else "no plain file"
    with pytest.raises(SetupError, match=problem):
        load_pack(folder, TRUSTED)


@pytest.mark.parametrize("file", ["manifest.json", "tests.json"])
@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"null", b"7", b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "open", "null", "number", "bytes", "deep"],
)
def test_a_file_that_is_no_json_is_refused(tmp_path, file, text):
    """The manifest is read before its signature is verified: it may be anybody's."""
    folder = write_pack(tmp_path, "x")
    (folder / file).write_bytes(text)
    with pytest.raises(SetupError):
        load_pack(folder, TRUSTED)


@pytest.mark.parametrize("file", ["policies.cedar", "obligations.cedar"])
def test_policies_that_are_no_text_are_refused(tmp_path, file):
    """With a good signature, so that it is the text that is judged."""
    folder = write_pack(tmp_path, "x")
    (folder / file).write_bytes(b"// \xff")
    _signed_again(folder, "x")
    with pytest.raises(SetupError, match="damaged"):
        load_pack(folder, TRUSTED)


def test_what_is_no_folder_is_passed_over(tmp_path):
    """The list of issuers lies beside the packs."""
    write_pack(tmp_path, "x")
    (tmp_path / "README").write_text("packs of ours")
    assert set(load_packs(tmp_path, TRUSTED)) == {"x"}


# ---- what the engine asks of a pack before it uses it


def test_a_pack_whose_own_tests_fail_is_not_used(built, tmp_path):
    """The error names the pack and the test."""
    tests = [*HARMLESS, {"name": "at 80", "call": {"operation": "rekognition:SearchFaces"}, "breaks": []}]
    packs = {"x": make_pack(tmp_path, "x", tests=tests)}
    with pytest.raises(SetupError, match=r"the pack `x` fails its own test `at 80: breaks \['X-1'\]"):
        built(packs, "x")
    with pytest.raises(SetupError, match="`x` fails"):
        built(packs, Activation("x", "shadow"))
    assert built(packs).activations == {}


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        ({"policies": FORBID.replace(";", " when { context.nonsense };") % OURS}, "do not fit the schema"),
        ({"policies": FORBID.replace(";", " when { context.thresholdBp < 1 };") % OURS}, "do not fit"),
        (
            {"obligations": (DUTY % ("permit", OURS)).replace(";", " when { context.nonsense };")},
            "do not fit",
        ),
        (
            {"policies": FORBID.replace('"m"', '"{purpose.__class__}"') % OURS},
            "words of `X-1` of `x` cannot be",
        ),
        ({"policies": FORBID.replace("X-1", "CORE-002") % OURS}, "two policies have the id `CORE-002`"),
    ],
    ids=["no such fact", "not guarded", "duty", "words", "an id of core's"],
)
def test_a_pack_that_does_not_fit_is_not_used(built, tmp_path, made, problem):
    """Cedar skips a forbid that fails in evaluation: the schema finds it first."""
    tests = [{"name": "none", "call": {"operation": "rekognition:ListCollections"}}]
    if "policies" in made:  # a rule without a condition meets every call
        name = "CORE-002" if "CORE-002" in made["policies"] else "X-1"
        tests[0]["breaks"] = [name]
    pack = make_pack(tmp_path, "x", tests=tests, **made)
    with pytest.raises(SetupError, match=problem):
        built({"x": pack}, "x")


def test_a_pack_that_is_active_and_gone_stops_the_start(built):
    """Its rules may not quietly cease to hold."""
    with pytest.raises(SetupError, match="the pack `x` is active and not here"):
        built({}, "x")


def test_the_digest_of_the_policy_is_of_packs_and_activations_too(built, tmp_path):
    """An entry of the log says which rules decided it."""
    first = {"x": make_pack(tmp_path / "first", "x")}
    second = {"x": make_pack(tmp_path / "second", "x", version="1.1")}
    digests = {
        built(first).digest,
        built(first, "x").digest,
        built(second, "x").digest,
        built(first, Activation("x", "shadow")).digest,
        built(first, Activation("x", accounts=frozenset({"1"}))).digest,
        built(first, Activation("x", accounts=frozenset({"2"}))).digest,
    }
    assert len(digests) == 6


# ---- signing


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sign_packs", ROOT / "tools" / "sign_packs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_packs_are_signed_by_a_key_that_lies_outside_of_the_repository(tool, tmp_path, capsys):
    """Made once, with mode 600, never over another one."""
    packs, key = tmp_path / "packs", tmp_path / "config" / "pack-issuer.key"
    shutil.copytree(ROOT / "src/countenance/policy/packs", packs)
    assert tool.main(["--key", str(key), "--packs", str(packs)]) == 1
    assert "--new-key makes one" in capsys.readouterr().err
    assert tool.main(["--key", str(key), "--packs", str(packs), "--new-key"]) == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert tool.main(["--key", str(key), "--packs", str(packs), "--new-key"]) == 1
    key.chmod(0o644)
    assert tool.main(["--key", str(key), "--packs", str(packs)]) == 1
    assert "can be read by others" in capsys.readouterr().err
    inside = ROOT / "pack-issuer.key"
    assert tool.main(["--key", str(inside), "--packs", str(packs), "--new-key"]) == 1
    assert not inside.exists()


def test_an_edited_pack_is_signed_anew_and_the_others_are_left_alone(tool, tmp_path, capsys):
    """After any edit: sign again."""
    packs, arguments = tmp_path / "packs", ["--packs", str(tmp_path / "packs")]
    signing = [*arguments, "--key", str(tmp_path / "key")]
    for name in ("x", "y"):
        write_pack(packs, name)
    assert tool.main([*signing, "--new-key"]) == 0
    assert tool.main([*arguments, "--check"]) == 0
    (packs / "x" / "obligations.cedar").write_text("// edited\n")
    assert tool.main([*arguments, "--check"]) == 1
    capsys.readouterr()
    assert tool.main(signing) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["signed", "x"],
        ["as", "it"],
    ]
    assert tool.main([*arguments, "--check"]) == 0


def test_a_pack_that_a_server_would_refuse_is_an_error_when_it_is_signed(tool, tmp_path, capsys):
    """Who writes it hears of it, not who runs it."""
    write_pack(tmp_path / "packs", "x", policies=PERMIT)
    arguments = ["--packs", str(tmp_path / "packs"), "--key", str(tmp_path / "key"), "--new-key"]
    assert tool.main(arguments) == 1
    assert "a pack may only forbid" in capsys.readouterr().err


def test_no_private_key_of_the_issuer_is_in_the_repository():
    """Any tracked or untracked text that is a key of 64 digits and makes the trusted public key."""
    (issuer,) = shipped_issuers()
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    for name in filter(None, done.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path.stat().st_size in range(64, 68):
            try:
                seed = bytes.fromhex(path.read_text("ascii").strip())
                assert Signer.from_seed(issuer.name, seed).verifier != issuer, name
            except ValueError:
                continue


def _signed_again(folder: Path, name: str, version: str = "1.0") -> None:
    text = signed_text(name, version, digest_of({file: (folder / file).read_bytes() for file in FILES}))
    (folder / SIGNATURE).write_text(f"{text}\n{ISSUER.sign(text)}")
