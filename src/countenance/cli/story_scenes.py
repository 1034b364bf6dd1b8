"""The scenes, in order. Each shows what one sentence of the terms is worth when software enforces it."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image, ImageEnhance

from countenance.cli.story_cast import Cast
from countenance.cli.story_stage import Party, Stage

_CASE = "MP-2026-0417"
_FRAMES_FOR_S = 12.0
_FRAME_EVERY_S = 0.25
_EFFECT_WITHIN_S = 1.0
_GAVE_UP_AFTER_S = 5.0
_PACK = "us-wa-43.386"
_MERGED_AFTER_S = 6.0


def terms_first(stage: Stage, cast: Cast) -> None:
    """Nothing works before a responsible officer has accepted the terms."""
    stage.refused(cast.firm, "list_collections", "AUP-001")
    for party in (cast.provider, cast.firm, cast.agency, cast.library):
        terms = stage.call(
            party, "get_terms", lambda told: f"{told['Name']} {told['Version']}, {told['Digest'][:16]}..."
        )
        stage.call(
            party,
            "accept_terms",
            lambda told: f"accepted at {told['AcceptedAt']:%H:%M:%S}",
            Version=terms["Version"],
            Digest=terms["Digest"],
            OfficerName=f"Officer of the {party.name}",
            OfficerRole="managing director",
        )


def who_serves_whom(stage: Stage, cast: Cast) -> None:
    """The provider supplies the firm and the library; the firm acts for the agency."""
    for customer in (cast.firm, cast.library):
        made = stage.call(
            customer, "declare_relation", Kind="supplied_by", AccountId=cast.provider.account_id
        )
        stage.call(cast.provider, "confirm_relation", _in_force, RelationId=made["RelationId"])
    made = stage.call(cast.firm, "declare_relation", Kind="acts_for", AccountId=cast.agency.account_id)
    stage.call(cast.agency, "confirm_relation", _in_force, RelationId=made["RelationId"])


def purposes(stage: Stage, cast: Cast) -> None:
    """A purpose is asked for, and people decide: one, or two where it says so."""
    for party, purpose in ((cast.firm, "photo-library"), (cast.library, "photo-library")):
        _granted(stage, cast, party, purpose)
    _granted(stage, cast, cast.agency, "missing-persons")
    told = stage.refused(
        cast.agency,
        "request_purpose",
        "InvalidParameterException",
        Purpose="immigration-enforcement",
        Justification="tell us who is here without papers",
    )
    if "immigration" not in told:
        stage.fail("the refusal should say what Countenance is not for")


def lawful_use(stage: Stage, cast: Cast) -> None:
    """A lawful purpose is used by unmodified Rekognition code: a missing person is looked for in a case."""
    for party in (cast.firm, cast.library):
        key = stage.call(party, "create_access_key", Purpose="photo-library")
        party = _replace(stage, cast, party, key)  # noqa: PLW2901  # the same account under its new key
        stage.call(party, "create_collection", CollectionId="album")
        stage.call(
            party, "index_faces", _enrolled, CollectionId="album", Image=_photo(_known(cast)[0]), MaxFaces=1
        )
    stage.call(
        cast.agency,
        "open_case",
        Case=_CASE,
        Purpose="missing-persons",
        Reason="the family has asked for it",
        LegalBasis="request of the family",
        ExpiresAt=datetime.now(UTC) + timedelta(days=30),
    )
    seeker = _assumed(stage, cast, Case=_CASE, Source="relative", AgeAttestation="adult")
    cast.seekers.append(seeker)
    stage.call(
        seeker,
        "create_collection",
        CollectionId="missing",
        Tags={"countenance:legal-basis": "request of the family"},
    )
    stage.call(
        seeker, "index_faces", _enrolled, CollectionId="missing", Image=_photo(_known(cast)[0]), MaxFaces=1
    )
    found = stage.call(seeker, "search_faces_by_image", _matches, **_search(cast, threshold=95.0))
    if not found or not found["FaceMatches"]:
        stage.fail("the missing person should have been found")


def refusals(stage: Stage, cast: Cast) -> None:
    """Three calls are refused: for a threshold, for a missing case, for a purpose. Each is told the rule."""
    seeker = cast.seekers[0]
    stage.refused(seeker, "search_faces_by_image", "PUR-005", **_search(cast, threshold=70.0))
    without_case = _assumed(stage, cast, Source="relative", AgeAttestation="adult")
    stage.refused(without_case, "search_faces_by_image", "PUR-011", **_search(cast, threshold=95.0))
    stage.refused(cast.agency, "assume_purpose", "PUR-001", Purpose="investigative-lead", Case=_CASE)
    stage.refused(
        cast.firm,
        "detect_faces",
        "PUR-007",
        Image=_photo(_known(cast)[0]),
        Attributes=["EMOTIONS", "AGE_RANGE"],
    )


def a_government_sets_guidelines(stage: Stage, cast: Cast) -> None:
    """A government's guidelines are loaded as a signed rule pack, which may only forbid."""
    stage.call(
        cast.officer,
        "activate_pack",
        lambda told: f"version {told['Version']}, {told['State']}, legal review: {told['LegalReview']}",
        Pack=_PACK,
    )
    told = stage.refused(cast.seekers[0], "search_faces_by_image", _PACK, **_search(cast, threshold=95.0))
    stage.tell(f"{told.count('legal review: none')} rules of the pack now stand in the way of the agency")
    found = stage.call(
        cast.library,
        "detect_faces",
        lambda told: f"{len(told['FaceDetails'])} face",
        Image=_photo(_known(cast)[0]),
    )
    if found is None:
        stage.fail("the pack binds public bodies, and should not stop the library")
    for kind in ("notice_of_intent", "accountability_report", "operational_test", "training_programme"):
        stage.call(cast.agency, "put_record", Kind=kind, Reference=f"https://agency.example/{kind}.pdf")
    stage.call(
        cast.officer,
        "record_training",
        AccountId=cast.agency.account_id,
        OperatorName="first",
        ValidUntil=datetime.now(UTC) + timedelta(days=365),
    )
    stage.tell("the agency has put on file what the guidelines ask for, and its operator is trained")
    stage.call(cast.seekers[0], "search_faces_by_image", _matches, **_search(cast, threshold=95.0))


def a_violation(stage: Stage, cast: Cast) -> None:
    """The firm feeds a camera's video as single photos; a detector sees it, and suspends the firm."""
    made = stage.call(
        cast.firm,
        "assume_purpose",
        lambda told: (
            f"credentials for {told['Purpose']}, on its own behalf: the pack of the agency binds it not"
        ),
        Purpose="photo-library",
        OnBehalfOf=cast.firm.account_id,
    )["Credentials"]
    feed = stage.party("firm", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    frames = _frames(_known(cast)[0], int(_FRAMES_FOR_S / _FRAME_EVERY_S))
    began, sent = time.monotonic(), 0
    for frame in frames:
        feed.rekognition.search_faces_by_image(CollectionId="album", Image={"Bytes": frame})
        sent += 1
        time.sleep(max(0.0, began + sent * _FRAME_EVERY_S - time.monotonic()))
    stage.tell(f"firm search_faces_by_image: {sent} frames in {time.monotonic() - began:.0f} s")
    watched = {party.name: _Watch(party) for party in (cast.agency, cast.library, cast.provider)}
    for watch in watched.values():
        watch.start()
    time.sleep(_EFFECT_WITHIN_S)
    found = stage.call(cast.officer, "scan_for_findings", _findings)
    suspended_at = time.monotonic()
    time.sleep(2 * _EFFECT_WITHIN_S)
    for watch in watched.values():
        watch.stop()
    if not any(each["Severity"] == "suspend" for each in (found or {"Findings": []})["Findings"]):
        stage.fail("the detector should have suspended the firm")
    stage.refused(cast.firm, "list_collections", "AUP-002")
    _tell_effect(stage, watched, suspended_at)


def due_process(stage: Stage, cast: Cast) -> None:
    """The firm reads why, exports its log, appeals; somebody else than who confirmed decides."""
    account = stage.call(
        cast.firm, "describe_account", lambda told: f"{told['Standing']}: {told['Changes'][0]['Reason']}"
    )
    findings = stage.call(cast.firm, "list_findings", _findings)
    stage.call(cast.firm, "list_audit_entries", lambda told: f"{len(told['Entries'])} entries of its own log")
    if account["Standing"] != "suspended":
        stage.fail("the firm should be suspended")
    finding_id = findings["Findings"][0]["FindingId"]
    stage.call(
        cast.officer,
        "decide_finding",
        lambda told: told["Status"],
        FindingId=finding_id,
        Decision="confirm",
        Reason="frames of one camera, at four a second",
    )
    appeal = stage.call(
        cast.firm,
        "submit_appeal",
        Statement="A contractor connected the wrong feed. It is disconnected, and will stay so.",
    )
    decision = {
        "AppealId": appeal["AppealId"],
        "Decision": "grant",
        "Reason": "the feed is gone; on probation",
    }
    stage.refused(cast.officer, "decide_appeal", "AccessDeniedException", **decision)
    stage.call(cast.second, "decide_appeal", lambda told: told["Status"], **decision)
    stage.call(cast.firm, "list_collections", lambda told: f"{told['CollectionIds']}: reinstated")
    stage.call(cast.agency, "list_collections", lambda told: f"{told['CollectionIds']}: and so is the agency")


def the_proof(stage: Stage, cast: Cast) -> None:
    """All of it is in the log: every receipt is checked offline, against a copy of the log."""
    time.sleep(_MERGED_AFTER_S)  # a receipt promises its entry within five seconds
    receipts = stage.scratch / "receipts.txt"
    receipts.write_text("\n".join(stage.receipts.headers) + "\n")
    stage.tell(f"{len(stage.receipts.headers)} receipts kept by the callers, refused calls' among them")
    keys = stage.run("audit", "keys", "--json", show=0)
    mirror = str(stage.scratch / "mirror")
    stage.run("audit", "export", "--format", "tlog", "-o", mirror, show=1)
    stage.run(*("audit", "verify", mirror, "--log-key", _log_key(keys), "--receipts", str(receipts)), show=20)
    for party, operation, standing in (
        (cast.firm, "ChangeStanding", "suspended"),
        (cast.agency, "CarryStanding", "suspended"),
        (cast.firm, "ChangeStanding", "good"),
    ):
        _prove_standing(stage, party, operation, standing, log_key=_log_key(keys))


def _prove_standing(stage: Stage, party: Party, operation: str, standing: str, *, log_key: str) -> None:
    """What no call has a receipt of, as the server did it: the entry itself, and the proof of its place."""
    told = party.countenance.list_audit_entries(Operation=operation)["Entries"]
    events = [each["EventId"] for each in told if json.loads(each["Entry"])["standing"]["to"] == standing]
    if not events:
        stage.fail(f"the log should say that the {party.name} is {standing}")
        return
    stage.tell(f"{party.name}: {operation} to {standing}, the entry and its proof from GetInclusionProof")
    proven = party.countenance.get_inclusion_proof(EventId=events[0])
    files = {"--entry": stage.scratch / "entry", "--proof": stage.scratch / "proof"}
    for name, member in (("--entry", "Entry"), ("--proof", "ProofFile")):
        files[name].write_text(proven[member], encoding="utf-8")
    given = [word for name, path in files.items() for word in (name, str(path))]
    stage.run("audit", "verify", *given, "--log-key", log_key, show=2)


SCENES: tuple[Callable[[Stage, Cast], None], ...] = (
    terms_first,
    who_serves_whom,
    purposes,
    lawful_use,
    refusals,
    a_government_sets_guidelines,
    a_violation,
    due_process,
    the_proof,
)


class _Watch:
    """Calls without pause, and remembers when it was last answered and first refused."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answered: list[float] = []
        self.refused: list[float] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(_GAVE_UP_AFTER_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._party.rekognition.list_collections()
                self.answered.append(time.monotonic())
            except self._party.refusal:
                self.refused.append(time.monotonic())


def _tell_effect(stage: Stage, watched: dict[str, _Watch], suspended_at: float) -> None:
    agency = watched["agency"]
    late = [at for at in agency.answered if at > suspended_at + _EFFECT_WITHIN_S]
    if late or not agency.refused:
        stage.fail("the agency should have been refused within a second of the firm's suspension")
    else:
        before = max((at for at in agency.answered), default=suspended_at)
        stage.tell(
            f"agency: {len(agency.answered)} calls answered before, the last "
            f"{max(0.0, before - suspended_at) * 1000:.0f} ms after the suspension was told; "
            f"{len(agency.refused)} refused since"
        )
    for name in ("library", "provider"):
        watch = watched[name]
        if watch.refused or not watch.answered or watch.answered[-1] < suspended_at:
            stage.fail(f"the {name} should have gone on")
        else:
            stage.tell(f"{name}: {len(watch.answered)} calls answered, none refused")


def _granted(stage: Stage, cast: Cast, party: Party, purpose: str) -> None:
    asked = stage.call(
        party,
        "request_purpose",
        lambda told: f"{told['Status']}; officers who must approve: {told['ApprovalsNeeded']}",
        Purpose=purpose,
        Justification=f"the work of the {party.name}",
    )
    for officer in (cast.officer, cast.second)[: asked["ApprovalsNeeded"]]:
        stage.call(
            officer,
            "decide_purpose_request",
            lambda told: told["Status"],
            RequestId=asked["RequestId"],
            Decision="approve",
            Reason="fits the account",
        )


def _replace(stage: Stage, cast: Cast, party: Party, key: Any) -> Party:
    made = stage.party(party.name, key["AccessKeyId"], key["SecretAccessKey"])
    setattr(cast, party.name, made)
    return made


def _assumed(stage: Stage, cast: Cast, **attested: Any) -> Party:
    made = stage.call(
        cast.agency,
        "assume_purpose",
        lambda told: f"temporary credentials for {told['Purpose']}",
        Purpose="missing-persons",
        **attested,
    )["Credentials"]
    return stage.party("agency", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


def _known(cast: Cast) -> list[Path]:
    """Photos of the best-known person of the portraits."""
    photos = max(cast.portraits.known.values(), key=len)
    return list(photos)


def _search(cast: Cast, *, threshold: float) -> dict[str, Any]:
    return {
        "CollectionId": "missing",
        "Image": _photo(_known(cast)[1]),
        "FaceMatchThreshold": threshold,
        "MaxFaces": 5,
    }


def _photo(path: Path) -> dict[str, bytes]:
    return {"Bytes": path.read_bytes()}


def _frames(path: Path, count: int) -> list[bytes]:
    """What a camera would give: the same scene, a little brighter or darker each time."""
    with Image.open(path) as opened:
        scene = opened.convert("RGB")
        scene.thumbnail((480, 480))
    made = []
    for number in range(count):
        out = io.BytesIO()
        ImageEnhance.Brightness(scene).enhance(1.0 + 0.002 * number).save(out, "JPEG", quality=90)
        made.append(out.getvalue())
    return made


def _in_force(told: Any) -> str:
    return "in force" if told["InForce"] else "declared"


def _enrolled(told: Any) -> str:
    return f"{len(told['FaceRecords'])} face enrolled"


def _matches(told: Any) -> str:
    return ", ".join(f"Similarity {match['Similarity']:.2f}" for match in told["FaceMatches"]) or "no match"


def _findings(told: Any) -> str:
    return "; ".join(
        f"{each['Detector']} ({each['Severity']}): {each['Summary']}" for each in told["Findings"]
    )


def _log_key(keys: str) -> str:
    import json  # here only

    listed = json.loads(keys)
    return next(str(each["vkey"]) for each in reversed(listed) if each["use"] == "log")
