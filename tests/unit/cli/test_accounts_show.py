"""`countenance accounts show`."""

from __future__ import annotations


def test_the_house_shows_what_it_accepted_has_and_may_do(cli, house):
    """One look is to answer why a call was refused."""
    shown = cli.json("accounts", "show", house)
    assert list(shown) == [
        *("AccountId", "Name", "Profile", "IsHouse", "CallsPerSecond", "Burst", "CreatedAt"),
        *("Standing", "EffectiveStanding"),
        *("CarriedFrom", "TermsAccepted", "TermsWanted", "Purposes", "Records", "ActiveKeys"),
        *("Accepted", "Requests", "OnFile", "Relations", "Findings", "Changes"),
    ]
    assert (shown["TermsAccepted"], shown["TermsWanted"]) == (True, None)
    assert shown["Purposes"] == ["development"]
    assert [(each["Document"], each["By"]) for each in shown["Accepted"]] == [
        ("acceptable-use", "Olga Officer, director")
    ]
    assert [(each["Purpose"], each["Status"], each["ApprovedBy"]) for each in shown["Requests"]] == [
        ("development", "approved", ["Olga Officer"])
    ]


def test_a_new_account_shows_what_it_lacks(cli, account):
    shown = cli.json("accounts", "show", account)
    assert (shown["TermsAccepted"], shown["Purposes"]) == (False, [])
    assert shown["TermsWanted"].startswith("acceptable-use ")


def test_open_findings_and_changes_stand_in_tables_for_people(cli, account):
    """What somebody wrote is shown as it is, and steers no terminal."""
    summary = "a list [bold]split[/bold] over \x1b[31mcollections"
    cli.json("findings", "open", account, "--severity", "restrict", "--summary", summary)
    shown = cli.says("accounts", "show", account)
    assert "Open findings" in shown
    assert "Changes of its standing" in shown
    assert "[bold]split[/bold]" in shown
    assert "\x1b[31m" not in shown
    [finding] = cli.json("accounts", "show", account)["Findings"]
    assert (finding["Severity"], finding["Summary"]) == ("restrict", summary)
