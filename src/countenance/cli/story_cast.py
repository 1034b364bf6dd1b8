"""Who is in the story: four accounts and two officers of the house."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from countenance.cli.portraits import Portraits
from countenance.cli.story_stage import Party, Stage

FIRST, SECOND = "Vera Vendor", "Oscar Ombudsman"


@dataclass(slots=True)
class Cast:
    """Everybody with their keys.

    Attributes:
        officer, second: of the house.
        provider: what the house's customers deal with.
        firm: a data-mining firm that the provider supplies.
        agency: for which the firm acts.
        library: another customer of the provider.
        seekers: the agency under a case.
    """

    portraits: Portraits
    officer: Party
    second: Party
    provider: Party
    firm: Party
    agency: Party
    library: Party
    seekers: list[Party] = field(default_factory=list)

    @classmethod
    def of(cls, stage: Stage, portraits: Portraits) -> Cast:
        """Officers and accounts; nobody but the house has accepted anything yet."""
        stage.console.print("\n[bold]The house has two officers, and four accounts are made[/bold]")
        officer = stage.party(f"officer {FIRST}", *stage.profile("countenance-officer"))
        stage.run("officers", "add", SECOND, "--role", "appeals")
        made = json.loads(stage.run("officers", "keys", "create", SECOND, "--json", show=0))
        second = stage.party(f"officer {SECOND}", made["AccessKeyId"], made["SecretAccessKey"])
        return cls(
            portraits=portraits,
            officer=officer,
            second=second,
            provider=_account(stage, officer, "provider", "business"),
            firm=_account(stage, officer, "firm", "general"),
            agency=_account(stage, officer, "agency", "public_body"),
            library=_account(stage, officer, "library", "general"),
        )


def _account(stage: Stage, officer: Party, name: str, profile: str) -> Party:
    made = stage.call(
        officer, "create_account", lambda told: f"account {told['AccountId']}", Name=name, Profile=profile
    )
    return stage.party(name, made["AccessKeyId"], made["SecretAccessKey"])
