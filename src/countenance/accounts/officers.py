"""Officers: named people who decide for the house about the accounts on its server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from countenance.accounts.changing import QUERIES, Actor, Changing
from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.store import Connection


@dataclass(frozen=True, slots=True)
class Officer:
    name: str
    role: str
    added_at: datetime
    removed_at: datetime | None


class _NotTheFirst(Exception):
    """There is an officer already: nothing is recorded."""


def _require_first(added: int) -> None:
    if added == 0:
        raise _NotTheFirst


class Officers:
    """Thread-safe. An officer who is removed decides nothing more, with no key; what they decided stays."""

    def __init__(self, changing: Changing) -> None:
        self._changing = changing

    def house(self) -> str | None:
        """The id of the account that runs this server; None before it has one."""
        with self._changing.database.read() as connection:
            return find_house(connection)

    def list(self) -> list[Officer]:
        """Those who may decide now, by name."""
        with self._changing.database.read() as connection:
            return [Officer(*row) for row in connection.execute(QUERIES["list_officers"]).fetchall()]

    def add(self, house: str, name: str, role: str, *, actor: Actor) -> None:
        """Somebody may decide from now on; again is no error.

        Raises:
            InvalidParameterException: no name or no role.
        """
        name, role = name.strip(), role.strip()
        if not name or not role or max(len(name), len(role)) > 128:
            raise InvalidParameterException("an officer has a name and a role")
        with self._changing("AddOfficer", house, actor, resource=f"{name}, {role}") as connection:
            connection.execute(QUERIES["add_officer"], {"name": name, "role": role})

    def add_first(self, house: str, name: str, role: str, *, actor: Actor) -> bool:
        """Somebody may decide, if nobody may yet; whether they do. Of several at once one is the first."""
        try:
            with self._changing("AddOfficer", house, actor, resource=f"{name}, {role}") as connection:
                connection.execute(QUERIES["lock_officers"])
                added = connection.execute(QUERIES["add_first_officer"], {"name": name, "role": role})
                _require_first(added.rowcount)
        except _NotTheFirst:
            return False
        return True

    def remove(self, house: str, name: str, *, actor: Actor) -> None:
        """Somebody decides no more; their keys are revoked with it.

        Raises:
            ResourceNotFoundException: there is no officer of that name.
        """
        with self._changing("RemoveOfficer", house, actor, resource=name) as connection:
            if connection.execute(QUERIES["remove_officer"], {"name": name}).rowcount == 0:
                raise ResourceNotFoundException(f"there is no officer `{name}`")
            connection.execute(QUERIES["revoke_officers_keys"], {"name": name})

    def require(self, name: str) -> Officer:
        """The officer of that name, who may decide now.

        Raises:
            ResourceNotFoundException: there is none.
        """
        found = next((officer for officer in self.list() if officer.name == name), None)
        if found is None:
            known = ", ".join(f"`{officer.name}`" for officer in self.list()) or "nobody yet"
            raise ResourceNotFoundException(
                f"there is no officer `{name}` of this server (officers: {known}); "
                f'add one with `countenance officers add "{name}" --role ROLE`'
            )
        return found


def find_house(connection: Connection) -> str | None:
    """The id of the account that runs this server; None before it has one."""
    row = connection.execute(QUERIES["find_house"]).fetchone()
    return None if row is None else str(row[0])
