"""`countenance policy packs`, `show`, `activate`, `deactivate`, `trust`, `rules` and `check`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from countenance.policy.packs import load_packs, shipped_issuers, shipped_packs
from countenance.store import Database
from countenance.transparency.note import Signer
from rule_packs import VKEY, make_pack, rule, write_pack

SHIPPED = load_packs(shipped_packs(), shipped_issuers())
FREE = next(name for name, pack in SHIPPED.items() if not pack.manifest.always)
ALWAYS = next(name for name, pack in SHIPPED.items() if pack.manifest.always)


@pytest.fixture
def own(cli, house):
    """A pack of the house's own, whose issuer is trusted."""
    cli.json("policy", "trust", VKEY)
    return write_pack(cli.data_dir / "packs", "own")


@pytest.fixture
def bare(cli, monkeypatch, tmp_path):
    """A machine without an installation, and nobody who names one."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("countenance.cli.policy_sources.KeyStore.is_there", lambda _: False)
    cli.environment = {"COUNTENANCE_DATA_DIR": None, "COUNTENANCE_DATABASE_URL": None}
    return cli


def state(cli, pack):
    return next(each["State"] for each in cli.json("policy", "packs") if each["Pack"] == pack)


def test_the_packs_are_listed_with_what_they_are_and_that_no_lawyer_has_read_them(cli, house):
    """With every pack, not in a footnote."""
    rows = {each["Pack"]: each for each in cli.json("policy", "packs")}
    assert rows.keys() == SHIPPED.keys()
    assert {each["LegalReview"] for each in rows.values()} == {"none"}
    assert (rows[FREE]["State"], rows[ALWAYS]["State"]) == ("available", "always")
    assert rows[FREE]["Jurisdiction"] == SHIPPED[FREE].manifest.jurisdiction
    said = cli.says("policy", "packs")
    assert said.count("legal review: none") == len(SHIPPED)
    assert all(pack.manifest.title in said for pack in SHIPPED.values())


def test_a_pack_is_shown_whole(cli, house):
    """What it cannot check is as much a part of it as what it refuses."""
    pack = SHIPPED[FREE]
    shown = cli.json("policy", "show", FREE)
    assert [each["RuleId"] for each in shown["Rules"]] == [rule.rule_id for rule in pack.rules]
    assert shown["Paper"] == list(pack.manifest.paper)
    said = cli.says("policy", "show", FREE)
    assert "No lawyer has reviewed it" in said
    assert "Stays on paper" in said
    assert pack.rules[0].rule_id in said
    assert pack.manifest.sources[0]["cite"] in said


def test_a_pack_is_put_in_force_for_an_account_watched_and_put_out_again(cli, own, account):
    activated = cli.json("policy", "activate", "own", "--account", account)
    assert activated | {"Digest": ""} == {
        "Pack": "own",
        "Version": "1.0",
        "State": "enforce",
        "Binds": "everybody",
        "Accounts": [account],
        "Digest": "",
        "LegalReview": "none",
        "By": "Olga Officer",
    }
    [row] = [each for each in cli.json("policy", "packs") if each["Pack"] == "own"]
    assert (row["State"], row["Accounts"], row["ActivatedBy"]) == ("enforce", [account], "Olga Officer")
    said = cli.says("policy", "activate", "own", "--shadow")
    assert "legal review: none" in said
    assert "yours to see to: the rest" in said
    assert state(cli, "own") == "shadow"
    rules = {each["RuleId"]: each for each in cli.json("policy", "rules")["Rules"]}
    assert (rules["OWN-1"]["State"], rules["OWN-1"]["Does"]) == ("shadow", "forbids")
    assert (rules["AUP-001"]["Pack"], rules["AUP-001"]["State"]) == ("core", "enforce")
    assert rules["OBL-REVIEW"]["Does"] == "duty"
    assert "OWN-1" in cli.says("policy", "rules")
    assert cli.json("policy", "deactivate", "own")["State"] == "available"
    assert state(cli, "own") == "available"


def test_rules_of_another_pack_are_shown_as_if_it_were_in_force(cli, own):
    rules = cli.json("policy", "rules", "--pack", "own")["Rules"]
    assert any(each["RuleId"] == "OWN-1" for each in rules)
    assert not any(each["RuleId"] == "OWN-1" for each in cli.json("policy", "rules")["Rules"])


def test_a_pack_whose_day_has_not_come_is_only_watched(cli, own):
    later = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    write_pack(cli.data_dir / "packs", "later", in_force={"from": later})
    assert cli.json("policy", "activate", "later")["State"] == "shadow"


def test_an_issuer_is_trusted_by_an_officer(cli, house):
    """Before, nothing that it signed is taken; and it is said why."""
    write_pack(cli.data_dir / "packs", "own")
    assert state(cli, "own") == "refused"
    code, message = cli.fails("policy", "show", "own")
    assert (code, "countenance policy trust" in message) == (2, True)
    assert "no signature of an issuer" in problems(cli)["own"]
    assert "put its packs into" in cli.says("policy", "trust", VKEY)
    assert state(cli, "own") == "available"


def test_a_folder_that_is_no_pack_to_be_used_is_listed_with_the_reason_and_the_remedy(cli, own, account):
    """It stops nothing else; what is in use and is such a folder now stops the calls, and that is said."""
    (cli.data_dir / "packs" / "emp\x1bty").mkdir()
    write_pack(cli.data_dir / "packs", FREE)
    cli.json("policy", "activate", "own")
    (own / "policies.cedar").write_text("permit (principal, action, resource);")
    listed = [each for each in cli.json("policy", "packs") if each["State"] == "refused"]
    told = {each["Pack"]: (each["InUse"], each["Problem"], each["Remedy"]) for each in listed}
    assert told.keys() == {"emp\x1bty", FREE, "own"}
    assert {name: in_use for name, (in_use, _, _) in told.items()} == {
        "emp\x1bty": False,
        FREE: False,
        "own": True,
    }
    assert "has the name of one of ours" in told[FREE][1]
    assert "was changed after it was signed" in told["own"][1]
    assert all(remedy for _, _, remedy in told.values())
    said = cli.says("policy", "packs")
    assert f"{told['own'][1]}: {told['own'][2]}" in said
    assert "in use, and calls fail for want of it: `countenance policy deactivate own`" in said
    assert said.count("calls fail") == 1
    assert "\x1b" not in said
    assert problems(cli).keys() == told.keys()
    assert "\x1b" not in cli.run("policy", "check").output


def test_what_is_in_use_is_checked(cli, own):
    """Two are always in use; of those that are not nothing is asked."""
    assert {each["Pack"] for each in cli.json("policy", "check")} >= {ALWAYS}
    assert "own" not in {each["Pack"] for each in cli.json("policy", "check")}
    cli.json("policy", "activate", "own")
    [checked] = [each for each in cli.json("policy", "check") if each["Pack"] == "own"]
    assert (checked["Problems"], checked["Tests"], checked["SignedBy"]) == ([], 1, "packs.example")
    said = cli.says("policy", "check")
    assert "own: sound (1 tests, signed by packs.example" in said
    assert said.count("legal review: none") == said.count(": sound (")


def problems(cli, *words):
    done = cli.run("policy", "check", *words, "--json")
    assert done.exit_code == 1, done.output
    return {each["Pack"]: " ".join(each["Problems"]) for each in json.loads(done.stdout) if each["Problems"]}


def test_a_pack_that_is_another_than_was_activated_is_found(cli, own):
    cli.json("policy", "activate", "own")
    write_pack(cli.data_dir / "packs", "own", version="1.1")
    assert "another one than was activated" in problems(cli)["own"]
    for file in own.iterdir():
        file.unlink()
    assert "cannot be read" in problems(cli)["own"]
    own.rmdir()
    assert "in use and not here: `countenance policy deactivate own`" in problems(cli)["own"]
    assert "own: it is in use and not here" in cli.run("policy", "check").output


def test_packs_that_do_not_go_together_are_found(cli, own, empty_database_url):
    """Each by itself is sound; two rules of one name would be one of the two."""
    cli.json("policy", "activate", "own")
    other = make_pack(cli.data_dir / "packs", "other", policies=rule("other", "OWN-1"))
    code, message = cli.fails("policy", "activate", "other")
    assert (code, "OWN-1" in message) == (1, True)
    with Database(empty_database_url) as database, database.transaction() as connection:
        connection.execute(
            "insert into pack_activation (pack, version, digest, mode, activated_by)"
            " values ('other', '1.0', %(digest)s, 'enforce', 'nobody')",
            {"digest": other.digest},
        )
    assert "OWN-1" in problems(cli)["all together"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"signer": Signer.from_seed("nobody", bytes(32))}, "no signature of an issuer that is trusted here"),
        ({"policies": rule("house-rules", "H-1", "context.moonPhase == 1")}, "schema"),
        ({"policies": rule("house-rules", "H-1").replace("forbid", "permit")}, "may only forbid"),
        ({"policies": rule("another", "H-1")}, "does not begin with"),
        ({"tests": []}, "has no tests"),
        ({"tests": [{"name": "odd", "call": {"mood": 1}, "breaks": []}]}, "its test odd"),
        ({"tests": [{"name": "odd", "call": {"operation": "ListFaces"}, "breaks": ["X-1"]}]}, "its test odd"),
        ({"legal_review": "three partners"}, "manifest"),
    ],
)
def test_a_folder_of_a_pack_is_checked_in_every_respect(still, tmp_path, changes, said):
    """Whoever writes one is told what is wrong with it; exit 1 for their build."""
    folder = write_pack(tmp_path, "house-rules", **changes)
    assert said in problems(still, folder, "--issuer", VKEY)["house-rules"]


def test_a_folder_of_a_sound_pack_is_sound_under_a_key_that_is_named(still, tmp_path):
    folder = write_pack(tmp_path, "house-rules")
    assert "no signature of an issuer" in problems(still, folder)["house-rules"]
    assert "house-rules: sound" in still.says("policy", "check", folder, "--issuer", VKEY)
    (folder / "policies.cedar").write_text(rule("house-rules", "HOUSE-RULES-1", "context.thresholdBp < 1"))
    assert "changed after it was signed" in problems(still, folder, "--issuer", VKEY)["house-rules"]


def test_without_an_installation_the_packs_of_the_program_are_shown_and_checked(bare):
    assert {each["Pack"] for each in bare.json("policy", "packs")} == SHIPPED.keys()
    assert {each["Pack"] for each in bare.json("policy", "check")} == SHIPPED.keys()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "us-moon"], 2, f"there is no pack `us-moon` here; there are {min(SHIPPED)}"),
        (["activate", "us-moon"], 1, "there is no pack `us-moon`"),
        (["activate", ALWAYS], 1, "always in force"),
        (["activate", FREE, "--account", "000000000000"], 1, "there is no account"),
        (["activate", FREE, "--officer", "Nadia"], 1, "there is no officer `Nadia`"),
        (["deactivate", FREE], 1, "is not in use"),
        (["trust", "nonsense"], 1, "`nonsense` is no verifier key"),
        (["rules", "--pack", "us-moon"], 2, "there is no pack `us-moon`"),
        (["check", "/nowhere"], 2, "/nowhere"),
        (["check", "--issuer", "nonsense"], 2, "no verifier key"),
        (["packs", "--data-dir", "/nowhere"], 3, "there is no installation"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("policy", *words)
    assert (found, said in message) == (code, True), message
