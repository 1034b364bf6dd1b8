from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_server import a_document
from countenance.errors import SetupError
from countenance.terms import Acceptance, Document, Terms, load_terms

PUBLISHED = date(2026, 3, 1)
GRACE = timedelta(days=30)
SECOND = timedelta(seconds=1)


def of(version: str, *, name: str = "use", published: date = date(2026, 1, 1), **changes: Any) -> Document:
    """A version whose digest is its name and number."""
    told = {"digest": f"digest of {name} {version}", "published": published, "grace": GRACE}
    return a_document(name, version, **told | changes)


def accepted(*documents: Document) -> list[Acceptance]:
    return [Acceptance(each.name, each.version_text, each.digest) for each in documents]


def at(day: date, **more: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(**more)


FIRST, MINOR = of("1.0"), of("1.1", published=date(2026, 2, 1))
MAJOR = of("2.0", published=PUBLISHED)
TERMS = Terms([MAJOR, FIRST, MINOR])
ENDS = at(PUBLISHED) + GRACE


def test_the_newest_version_that_is_published_is_in_force_from_the_first_moment_of_its_day():
    """Versions are numbers: 1.10 is newer than 1.9; what is published for a later day is not in force."""
    assert TERMS.current("use", date(2025, 12, 31)) is None
    assert TERMS.current("use", date(2026, 1, 1)) == FIRST
    assert TERMS.in_force(at(PUBLISHED) - SECOND) == (MINOR,)
    assert TERMS.in_force(at(PUBLISHED)) == (MAJOR,)
    ninth, tenth = of("1.9"), of("1.10")
    assert Terms([tenth, ninth]).current("use", PUBLISHED) == tenth
    assert TERMS.documents == (FIRST, MINOR, MAJOR)


def test_a_version_is_found_by_its_number_and_without_one_the_one_in_force():
    """GetTerms shows any version, those of the past as well: an acceptance must stay readable."""
    assert TERMS.find("use", "1.0") == FIRST
    assert TERMS.find("use", today=PUBLISHED) == MAJOR
    assert TERMS.find("use") == MAJOR
    assert TERMS.find("use", "3.0") is None
    assert TERMS.find("privacy") is None
    assert str(MAJOR) == "use 2.0"


def test_whoever_accepted_nothing_may_not_call_and_is_told_what_is_wanted():
    """Also within a grace period: it is for those who had accepted the version before."""
    found = TERMS.judge([], now=at(PUBLISHED))
    assert (found.accepted, found.wanted, found.until) == (False, (MAJOR,), None)
    assert str(found) == "use 2.0"


def test_without_documents_there_is_nothing_to_accept():
    """An acceptance of before its document was taken away asks for nothing either."""
    assert Terms([]).judge(accepted(FIRST), now=at(PUBLISHED)).accepted
    assert TERMS.judge([], now=at(date(2025, 12, 31))).accepted


@pytest.mark.parametrize("held", [[FIRST], [MINOR], [FIRST, MINOR]])
def test_a_new_minor_version_needs_no_new_acceptance(held: list[Document]):
    """It says the same in other words; and who accepted the newer words accepted the older ones."""
    for day in (date(2026, 1, 15), date(2026, 2, 15)):
        found = TERMS.judge(accepted(*held), now=at(day))
        assert (found.accepted, found.wanted, found.until) == (True, (), None)


def test_a_new_major_version_is_wanted_and_the_one_before_holds_until_the_grace_is_over():
    """To the second: the last one of it is granted, the next one is not."""
    held = accepted(MINOR)
    first, last, after = (TERMS.judge(held, now=moment) for moment in (at(PUBLISHED), ENDS - SECOND, ENDS))
    for granted in (first, last):
        assert (granted.accepted, granted.wanted, granted.until) == (True, (MAJOR,), ENDS)
    assert (after.accepted, after.wanted, after.until) == (False, (MAJOR,), None)
    assert str(last) == "use 2.0, by 2026-03-31 00:00 UTC"
    assert str(after) == "use 2.0"


@pytest.mark.parametrize(
    ("first_seen", "ends"),
    [
        (at(PUBLISHED, days=-10), ENDS),
        (at(PUBLISHED), ENDS),
        (at(PUBLISHED, days=100, hours=7), at(PUBLISHED, days=130, hours=7)),
    ],
    ids=["before its day", "on its day", "long after"],
)
def test_the_grace_counts_from_the_later_of_published_and_first_seen(first_seen: datetime, ends: datetime):
    """A server that is updated late must not lock its accounts out at once; nor does an early one gain."""
    seen = {("use", "2.0"): first_seen}
    held = accepted(FIRST)
    assert TERMS.judge(held, now=ends - SECOND, first_seen=seen).accepted
    assert not TERMS.judge(held, now=ends, first_seen=seen).accepted


def test_a_minor_version_of_the_new_major_one_starts_no_new_grace():
    """Otherwise a new comma every month would put acceptance off for ever."""
    corrected = of("2.1", published=PUBLISHED + timedelta(days=25))
    terms = Terms([FIRST, MAJOR, corrected])
    seen = {("use", "2.1"): ENDS}
    found = terms.judge(accepted(FIRST), now=ENDS - SECOND, first_seen=seen)
    assert (found.accepted, found.wanted) == (True, (corrected,))
    assert not terms.judge(accepted(FIRST), now=ENDS, first_seen=seen).accepted
    assert terms.judge(accepted(MAJOR), now=ENDS).accepted


def test_a_grace_is_for_the_major_version_just_before():
    """Who slept through a whole version is asked now."""
    third = of("3.0", published=PUBLISHED)
    terms = Terms([FIRST, of("2.0", published=date(2026, 2, 1)), third])
    assert not terms.judge(accepted(FIRST), now=at(PUBLISHED)).accepted


def test_no_grace_is_no_time():
    terms = Terms([FIRST, of("2.0", published=PUBLISHED, grace=timedelta())])
    assert terms.judge(accepted(FIRST), now=at(PUBLISHED) - SECOND).accepted
    assert not terms.judge(accepted(FIRST), now=at(PUBLISHED)).accepted


def test_what_is_accepted_before_its_day_holds_from_that_day_on():
    """An officer may accept ahead, and the version in force until then is held beside."""
    held = accepted(FIRST, MAJOR)
    for moment in (at(PUBLISHED) - SECOND, at(PUBLISHED), ENDS):
        found = TERMS.judge(held, now=moment)
        assert (found.accepted, found.wanted) == (True, ())


@pytest.mark.parametrize(
    "held",
    [
        Acceptance("use", "2.0", "another digest"),
        Acceptance("use", "2.0", ""),
        Acceptance("privacy", "2.0", MAJOR.digest),
        Acceptance("use", "2", MAJOR.digest),
        Acceptance("use", "2.9", MAJOR.digest),
    ],
)
def test_an_acceptance_of_anything_but_this_very_text_does_not_count(held: Acceptance):
    """Nobody can say later that another text was meant: the digest is of what was read."""
    assert not TERMS.judge([held], now=ENDS).accepted


def test_every_document_is_wanted_and_the_shortest_grace_is_told():
    """One acceptance does not stand for another document, nor one grace for another."""
    privacy, sooner = (
        of("1.0", name="privacy"),
        of("2.0", name="privacy", published=PUBLISHED, grace=timedelta(days=7)),
    )
    terms = Terms([FIRST, MAJOR, privacy, sooner])
    moment = at(PUBLISHED, days=1)
    found = terms.judge(accepted(FIRST, privacy), now=moment)
    assert (found.accepted, found.wanted) == (True, (sooner, MAJOR))
    assert found.until == at(PUBLISHED, days=7)
    found = terms.judge(accepted(FIRST), now=moment)
    assert (found.accepted, found.wanted, found.until) == (False, (sooner, MAJOR), None)
    assert not terms.judge(accepted(MAJOR), now=moment).accepted
    assert terms.judge(accepted(MAJOR, sooner), now=ENDS).accepted


@given(
    held=st.sets(st.sampled_from(["1.0", "1.1", "2.0"])),
    days=st.integers(-70, 200),
    seen_days=st.none() | st.integers(-70, 200),
)
def test_more_acceptances_never_take_a_permission_away(held: set[str], days: int, seen_days: int | None):
    """And the judgement is the rule of one line: the major version, or the one before within the grace."""
    moment = at(PUBLISHED, days=days)
    seen = {} if seen_days is None else {("use", "2.0"): at(PUBLISHED, days=seen_days)}
    documents = [each for each in TERMS.documents if each.version_text in held]
    found = TERMS.judge(accepted(*documents), now=moment, first_seen=seen)
    in_force = TERMS.current("use", moment.date())
    majors = {each.version[0] for each in documents}
    ends = max(at(PUBLISHED), seen.get(("use", "2.0"), at(PUBLISHED))) + GRACE
    assert found.accepted == (
        in_force is None
        or in_force.version[0] in majors
        or (in_force == MAJOR and 1 in majors and moment < ends)
    )
    if found.accepted:
        everything = TERMS.judge(accepted(*TERMS.documents), now=moment, first_seen=seen)
        assert everything.accepted


# ---- Files


TOML = """
document = "{name}"
version = "{version}"
title = "House rules"
published = {published}
grace_days = {grace_days}
"""


def write(folder: Path, stem: str = "house-1.0", *, text: bytes = b"Wipe your feet.\n", **told: Any) -> Path:
    """The two files of a document; `told` overrides what its machine part says."""
    folder.mkdir(exist_ok=True)
    name, _, version = stem.rpartition("-")
    members = {"name": name, "version": version, "published": "2026-01-01", "grace_days": 30}
    (folder / f"{stem}.md").write_bytes(text)
    (folder / f"{stem}.toml").write_text(TOML.format(**members | told) + told.get("more", ""))
    return folder


def test_the_documents_that_come_with_the_program_are_whole():
    """They are in force today, so that nobody calls before an officer has accepted them."""
    (document,) = load_terms().in_force(datetime.now(UTC))
    assert (document.name, document.version[0]) == ("acceptable-use", 1)
    assert document.title
    assert document.text.lstrip().startswith("#")


def test_an_operator_may_add_documents_and_newer_versions_of_ours(tmp_path: Path):
    """A house has rules of its own."""
    write(tmp_path, "house-1.0", text="Füße abtreten.\n".encode(), more='changes = "first"')
    write(tmp_path, "acceptable-use-999.0")
    terms = load_terms(tmp_path)
    house = terms.find("house")
    assert (house.text, house.changes, house.grace) == ("Füße abtreten.\n", "first", timedelta(days=30))
    assert terms.find("acceptable-use", today=date(2100, 1, 1)).version == (999, 0)
    assert set(load_terms().documents) < set(terms.documents)


def test_the_digest_is_over_text_and_machine_part_and_where_the_one_ends(tmp_path: Path):
    """It is what an officer accepts: no part of it may be exchanged."""
    text, machine = b"Wipe your feet.\n", (write(tmp_path) / "house-1.0.toml").read_bytes()
    whole = load_terms(tmp_path).find("house", "1.0")
    assert whole.digest == hashlib.sha256(b"%d\n" % len(text) + text + machine).hexdigest()
    write(tmp_path, grace_days=31)
    other_grace = load_terms(tmp_path).find("house", "1.0")
    write(tmp_path, text=b"Wipe your feet!\n")
    other_text = load_terms(tmp_path).find("house", "1.0")
    write(tmp_path, text=text + b"\n")
    moved = load_terms(tmp_path).find("house", "1.0")
    assert len({each.digest for each in (whole, other_grace, other_text, moved)}) == 4


def test_ours_with_another_text_are_refused_and_the_same_once_more_are_not(tmp_path: Path):
    """Nobody may publish another text under the name and number of one that people accepted."""
    (ours,) = load_terms().documents[:1]
    stem = f"{ours.name}-{ours.version_text}"
    shipped = Path(__import__("countenance.terms", fromlist=["terms"]).__file__).parent / "documents"
    for ending in (".md", ".toml"):
        (tmp_path / (stem + ending)).write_bytes((shipped / (stem + ending)).read_bytes())
    assert load_terms(tmp_path).documents == load_terms().documents
    (tmp_path / f"{stem}.md").write_text(ours.text + "Or not.\n")
    with pytest.raises(SetupError, match=f"`{ours.name} {ours.version_text}`.*another text") as refused:
        load_terms(tmp_path)
    assert "new version" in refused.value.remedy


def test_a_folder_that_is_not_there_is_told(tmp_path: Path):
    """A misspelt path must not quietly mean that the house has no rules."""
    with pytest.raises(SetupError, match="no folder"):
        load_terms(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="no folder"):
        load_terms(tmp_path / "file")


@pytest.mark.parametrize(
    ("stem", "changes"),
    [
        ("house-1.0", {"name": "home"}),
        ("house-1.0", {"version": "1.1"}),
        ("house-1.00", {}),
        ("house-01.0", {}),
        ("house-1", {}),
        ("house-1.0.0", {}),
        ("house-1.x", {}),
        ("house-1.0", {"published": '"2026-01-01"'}),
        ("house-1.0", {"published": "2026-01-01T00:00:00Z"}),
        ("house-1.0", {"published": "2026-02-30"}),
        ("house-1.0", {"grace_days": -1}),
        ("house-1.0", {"grace_days": '"thirty"'}),
        ("house-1.0", {"grace_days": "[30]"}),
        ("house-1.0", {"grace_days": "inf"}),
        ("house-1.0", {"grace_days": "nan"}),
        ("house-1.0", {"grace_days": 3651}),
        ("house-1.0", {"grace_days": 10**7}),  # a timedelta holds it, a date to come does not
        ("house-1.0", {"grace_days": 10**12}),
        ("house-1.0", {"text": b""}),
        ("house-1.0", {"text": b" \n\t\n"}),
        ("house-1.0", {"text": b"\xff\xfe"}),
        ("house-1.0", {"text": b"a" * (1 << 20) + b"a"}),
        ("house-1.0", {"more": "[[["}),
    ],
    ids=str,
)
def test_a_document_that_does_not_say_what_its_name_says_is_refused(
    tmp_path: Path, stem: str, changes: dict[str, Any]
):
    """A server that starts without its terms would let everybody call."""
    with pytest.raises(SetupError, match=f"`{stem}`") as refused:
        load_terms(write(tmp_path, stem, **changes))
    assert refused.value.remedy


@pytest.mark.parametrize("lacking", ["document", "version", "title", "published", "grace_days"])
def test_a_machine_part_says_everything(tmp_path: Path, lacking: str):
    path = write(tmp_path) / "house-1.0.toml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith(lacking)]
    path.write_text("\n".join(kept))
    with pytest.raises(SetupError, match="house"):
        load_terms(tmp_path)


def test_a_machine_part_without_its_text_is_refused(tmp_path: Path):
    (write(tmp_path) / "house-1.0.md").unlink()
    with pytest.raises(SetupError, match="house"):
        load_terms(tmp_path)


def test_a_machine_part_that_is_no_text_is_refused(tmp_path: Path):
    (write(tmp_path) / "house-1.0.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SetupError, match="house"):
        load_terms(tmp_path)


def test_other_files_of_the_folder_are_passed_over(tmp_path: Path):
    """Notes, drafts and a version-control folder are no terms."""
    write(tmp_path)
    (tmp_path / "README.md").write_text("how we write terms")
    (tmp_path / ".git").mkdir()
    assert len(load_terms(tmp_path).documents) == len(load_terms().documents) + 1
