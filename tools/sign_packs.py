"""Sign the rule packs that come with Countenance.

Each folder under src/countenance/policy/packs is a pack of four files; this writes the fifth, pack.sig: a
signed note (c2sp.org/signed-note) over the pack's id, version and digest. It also writes issuers.txt, the
public key by which the server trusts what was signed here.

  python tools/sign_packs.py --new-key    once: make a key, and sign
  python tools/sign_packs.py              after any edit of a pack: sign what changed
  python tools/sign_packs.py --check      say what is not signed as it is; needs no private key

The private key is a file of 64 hexadecimal digits (an Ed25519 seed) with mode 600, under your own
configuration and never in the repository: whoever has it can make packs that every server trusts. Lose it and
you make a new one: all packs are then signed anew, and servers get the new public key with the next release.

A pack is read again after it was signed, exactly as a server would read it: what a server would refuse is an
error here. Whether its own tests pass, tests/unit/policy/test_packs.py says.
"""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

from countenance.errors import SetupError
from countenance.policy.packs import FILES, SIGNATURE, digest_of, load_pack, load_packs, signed_text
from countenance.transparency.note import Note, Signature, Signer, Verifier

ROOT = Path(__file__).resolve().parent.parent
PACKS = ROOT / "src" / "countenance" / "policy" / "packs"
KEY = Path(platformdirs.user_config_dir("countenance")) / "pack-issuer.key"
NAME = "countenance.example/packs"
ISSUERS = "issuers.txt"
HEADER = """\
# Whose signatures on rule packs this version of Countenance trusts from the start: one verifier key a line.
# Written by tools/sign_packs.py. A server trusts others as well with `countenance policy trust VKEY`.
"""


def main(arguments: list[str] | None = None) -> int:
    """Sign or check; return the exit status."""
    options = _parser().parse_args(arguments)
    tell: Callable[[str], None] = print
    try:
        if options.check:
            for line in _check(options.packs):
                tell(line)
            return 0
        signer = make_key(options.key) if options.new_key else read_key(options.key)
        for line in sign_all(options.packs, signer):
            tell(line)
    except SetupError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def make_key(path: Path) -> Signer:
    """A new key in a file that only its owner can read.

    Raises:
        SetupError: the file is there already, or would lie in the repository.
    """
    _require_outside(path)
    signer = Signer.generate(NAME)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SetupError(
            f"`{path}` is there already", remedy="leave --new-key out, or name another --key"
        ) from None
    with os.fdopen(opened, "w") as file:
        file.write(signer.seed.hex() + "\n")
    return signer


def read_key(path: Path) -> Signer:
    """The key of a file.

    Raises:
        SetupError: there is none, others can read it, it lies in the repository, or it is no key.
    """
    _require_outside(path)
    try:
        mode, text = path.stat().st_mode, path.read_text("ascii")
        seed = bytes.fromhex(text)
        signer = Signer.from_seed(NAME, seed)
    except FileNotFoundError:
        raise SetupError(f"there is no key in `{path}`", remedy="--new-key makes one") from None
    except ValueError:
        raise SetupError(f"`{path}` is no key: it should be 64 hexadecimal digits") from None
    if stat.S_IMODE(mode) & 0o077:
        raise SetupError(f"`{path}` can be read by others", remedy=f"chmod 600 {path}")
    return signer


def sign_all(packs: Path, signer: Signer) -> list[str]:
    """Sign every pack of a folder that is not signed as it is, and write whose signatures are trusted.

    Returns:
        A line on each pack.

    Raises:
        SetupError: a pack that a server would refuse; the others are signed all the same.
    """
    lines, refused = [], []
    for folder in sorted(entry for entry in packs.iterdir() if entry.is_dir()):
        try:
            lines.append(_sign(folder, signer))
        except SetupError as error:
            refused.append(str(error))
    issuers = f"{HEADER}{signer.verifier}\n"
    if not (packs / ISSUERS).exists() or (packs / ISSUERS).read_text("utf-8") != issuers:
        (packs / ISSUERS).write_text(issuers, "utf-8")
    if refused:
        raise SetupError("; ".join(refused))
    return lines


def _sign(folder: Path, signer: Signer) -> str:
    files = {}
    for file in FILES:
        try:
            files[file] = (folder / file).read_bytes()
        except OSError as error:
            raise SetupError(
                f"`{file}` of the pack `{folder.name}` cannot be read ({error.strerror})"
            ) from None
    try:
        version = json.loads(files["manifest.json"])["version"]
    except (ValueError, KeyError, TypeError):
        raise SetupError(f"the manifest of the pack `{folder.name}` states no version") from None
    digest = digest_of(files)
    text = signed_text(folder.name, str(version), digest)
    note = str(Note(text, (Signature.parse(signer.sign(text)),)))
    signature = folder / SIGNATURE
    changed = not signature.exists() or signature.read_text("utf-8") != note
    if changed:
        signature.write_text(note, "utf-8")
    pack = load_pack(folder, [signer.verifier])
    done = "signed   " if changed else "as it was"
    counts = f"{len(pack.rules)} rules, {len(pack.obligations)} duties"
    return f"{done}  {pack.pack_id} {version}  {counts}  {digest}"


def _check(packs: Path) -> list[str]:
    lines = (packs / ISSUERS).read_text("utf-8").splitlines() if (packs / ISSUERS).exists() else []
    issuers = [Verifier.parse(line) for line in lines if line and not line.startswith("#")]
    return [f"signed     {name}  {pack.digest}" for name, pack in load_packs(packs, issuers).items()]


def _require_outside(path: Path) -> None:
    if path.resolve().is_relative_to(ROOT):
        raise SetupError(
            f"`{path}` lies in the repository, where a private key must never be", remedy="name another --key"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--key", type=Path, default=KEY, metavar="FILE", help=f"the private key (default {KEY})"
    )
    parser.add_argument("--packs", type=Path, default=PACKS, metavar="DIR", help="the packs (default: ours)")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--new-key", action="store_true", help="make the key first; never overwrites one")
    doing.add_argument("--check", action="store_true", help="only verify; exit 1 where that fails")
    return parser


if __name__ == "__main__":
    sys.exit(main())
