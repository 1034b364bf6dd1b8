"""`countenance evaluations sign`."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import click

from countenance.assurance.evaluator_key import OWN_KEY, open_key
from countenance.assurance.signed_evaluation import (
    LONGEST,
    MAX_BYTES,
    USUAL,
    EvaluationInvalid,
    sign_evaluation,
)
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_facts
from countenance.settings import Settings
from countenance.store.files import make_private_directory


@click.command()
@click.argument("evaluation", metavar="EVALUATION.json", type=click.File("rb"))
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="where the signed evaluation goes",
)
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST.days),
    default=USUAL.days,
    show_default=True,
    help="how long it counts, from when it was made",
)
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="an evaluator's own key, made if it is not there; by default the operator's, in the data directory",
)
@click.option("--name", metavar="NAME", help="of a key that is made; by default after this machine")
@settings_options("data_dir")
@as_json_option
def sign(
    evaluation: IO[bytes],
    *,
    out: Path,
    days: int,
    key: Path | None,
    name: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Sign EVALUATION.json, what `countenance evaluate` wrote; needs no server and no database.

    The key is made when it is first used (mode 600). Before what it signs counts, an officer of the server
    has to trust its public half, which this prints.

    Example: countenance evaluations sign evaluation.json --out signed.json
    """
    if key is None:
        settings = Settings.from_env(**given)
        make_private_directory(settings.data_dir)
        key = settings.data_dir / OWN_KEY
    signer = open_key(key, name=name or f"{socket.gethostname()}/evaluations")
    try:
        signed = sign_evaluation(
            evaluation.read(MAX_BYTES + 1), signer, now=datetime.now(UTC), lasts=timedelta(days=days)
        )
    except EvaluationInvalid as error:
        raise click.BadParameter(str(error), param_hint="EVALUATION.json") from None
    try:
        out.write_bytes(signed.to_bytes())
    except OSError as error:
        raise click.BadParameter(f"`{out}` cannot be written: {error.strerror}", param_hint="--out") from None
    print_facts(
        {
            "Signed": str(out),
            "Digest": signed.digest,
            "Pack": f"{signed.pack_name} ({signed.version})",
            "MadeAt": signed.made_at,
            "ExpiresAt": signed.expires_at,
            "Evaluator": str(signer.verifier),
        },
        as_json=as_json,
    )
