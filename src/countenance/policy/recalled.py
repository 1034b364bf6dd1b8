"""A call out of its entry in the log, to be judged by the rules of now; and what the entry does not say.

Unlike in a simulation nothing is put in the place of what is unsaid: it is left out, so that the judge takes
the account, its model and the moment as they are, and whoever asks is told what they would have to fill in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from countenance.policy.simulation import to_call

_GIVEN: Final[Mapping[str, str]] = {
    "case": "the name of the case: only that one was given, which is taken as open",
    "consent": "the reference to the consent: only that one was given",
    "authorization": "the reference of the authorisation: only that one was given",
}
_ALWAYS: Final = (
    "account: it is judged as it stands now, with the purposes and records that it has now",
    "operator, officer: the log has pseudonyms; taken as nobody in particular, and no officer",
    "model: the one that is in use now, as its evaluations stand now",
    "calls_last_hour: taken as none",
    "at: it is judged as of now",
)
_COLLECTION: Final = "collection: its name and how many faces it had; taken as none"
_NO_CHARTER: Final = "collection: which it was, and its charter; judged as if the call named none"
_BENEFICIARY: Final = "claims.beneficiary: for whom the call was made; taken as for nobody but the account"


@dataclass(frozen=True, slots=True)
class Recalled:
    """A call as `policy explain` takes it.

    Attributes:
        call: what the entry says of it.
        unsaid: what it does not say and how that is taken, in words.
    """

    call: dict[str, Any]
    unsaid: tuple[str, ...]


def recall(members: Mapping[str, Any]) -> Recalled:
    """The call that an entry tells of.

    Raises:
        ValueError: it tells of none.
    """
    if members.get("kind") != "call":
        raise ValueError("it tells of no call: what is done on the server's machine is not asked of policy")
    try:
        call = to_call(members)
    except KeyError as error:
        raise ValueError(f"the entry has no {error}") from None
    for name in ("account", "operator", "model", "calls_last_hour", "at"):
        call.pop(name, None)
    unsaid = list(_ALWAYS)
    claims = call.get("claims", {})
    unsaid += [f"claims.{name}: {words}" for name, words in _GIVEN.items() if claims.get(name)]
    call["claims"] = {name: "given" if name in _GIVEN else value for name, value in claims.items()}
    if not call["claims"]:
        del call["claims"]
    unsaid.append(_BENEFICIARY)
    if "collection" in call:
        del call["collection"]["id"]
        unsaid.append(_COLLECTION if call["collection"] else _NO_CHARTER)
        if not call["collection"]:
            del call["collection"]
    for charter in (call.get("collection", {}), call.get("charter", {})):
        if charter.get("legal_basis") == "in the entry":
            charter["legal_basis"] = "given"
            unsaid.append("legal_basis: only that one was stated")
    return Recalled(call, tuple(unsaid))
