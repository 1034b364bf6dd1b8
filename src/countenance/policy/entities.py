"""The slice of the world that one decision sees, in Cedar's JSON form, and the proof that it is whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from countenance.policy.decision import AccessRequest

_ENUMERATED = frozenset({"Standing"})
"""Types whose entities the schema itself lists: a slice need not hold them."""


class OpenSlice(Exception):
    """The slice refers to something that is not in it, so a rule about that would silently not apply."""


def uid(kind: str, identifier: str) -> dict[str, str]:
    """An entity's name."""
    return {"type": kind, "id": identifier}


def slice_for(request: AccessRequest) -> list[dict[str, Any]]:
    """Caller, account, standing, resource and the resource's owner: everything the rules may look at."""
    account = uid("Account", request.account_id)
    entities = {
        request.account_id: _entity(account, parents=[uid("Standing", request.standing)]),
    }
    owner = request.resource.owner
    if owner not in entities:
        # Another account: no rule looks beyond its identity.
        entities[owner] = _entity(uid("Account", owner))
    caller = _entity(
        uid("Caller", request.access_key_id),
        parents=[account],
        attributes={"account": {"__entity": account}, "operator": request.operator},
    )
    found = [caller, *entities.values()]
    if request.resource.kind == "Collection":
        collection = uid("Collection", f"{owner}/{request.resource.resource_id}")
        found.append(_entity(collection, attributes={"owner": {"__entity": uid("Account", owner)}}))
    return found


def resource_uid(request: AccessRequest) -> dict[str, str]:
    """The resource's name in the slice; a collection's includes its owner, as names are per account."""
    resource = request.resource
    if resource.kind == "Account":
        return uid("Account", resource.resource_id)
    return uid("Collection", f"{resource.owner}/{resource.resource_id}")


def require_closed(entities: Sequence[dict[str, Any]], *named: dict[str, str]) -> None:
    """Refuse a slice that refers to an entity it does not hold.

    Cedar takes an ancestor that was not loaded for one that does not exist: a suspended account whose
    row is missing would not be suspended.

    Raises:
        OpenSlice: names what is missing.
    """
    held = {_key(entity["uid"]) for entity in entities}
    references = [*named]
    for entity in entities:
        references.extend(entity["parents"])
        references.extend(_references(entity["attrs"]))
    for reference in references:
        if reference["type"] not in _ENUMERATED and _key(reference) not in held:
            raise OpenSlice(f"the entity slice lacks {reference['type']}::{reference['id']!r}")


def _entity(
    name: dict[str, str],
    *,
    parents: Sequence[dict[str, str]] = (),
    attributes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {"uid": name, "attrs": attributes or {}, "parents": list(parents)}


def _references(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if "__entity" in value:
            yield value["__entity"]
            return
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _references(part)


def _key(name: dict[str, str]) -> tuple[str, str]:
    return name["type"], name["id"]
