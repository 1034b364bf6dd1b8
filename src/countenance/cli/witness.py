"""`countenance witness`: the program that outsiders run so that a log cannot be rewritten unseen.

It stands alone: no database, no models, no settings of a server.
"""

from __future__ import annotations

import json
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click
import uvicorn

from countenance.cli.witness_connection import WitnessConnection
from countenance.cli.witness_http import WitnessApp
from countenance.errors import SetupError
from countenance.transparency.note import ED25519, NoteInvalid, Verifier, encode_base64
from countenance.transparency.witness import Witness
from countenance.transparency.witness_state import Head, create_witness, load_key, read_heads

_SOMETHING_IS_WRONG = 1
_BACKLOG = 128
_KEEP_ALIVE_S = 5
_GRACE_S = 5
_DIRECTORY = click.Path(path_type=Path)


@click.group()
def witness() -> None:
    """Watch over logs of other parties: cosign what only grows, refuse what was rewritten.

    A witness keeps the newest checkpoint of each log. It cosigns the next one only with a proof that
    nothing before it was changed, dropped or reordered, so a log that has its cosignature shows
    everyone the same history. It sees sizes and hashes, never an entry.

    \b
    countenance witness init /var/lib/witness --name witness.example.org/w1
    countenance witness run  /var/lib/witness --log "$LOG_KEY"

    `init` prints the witness's key; give it to the log's operator (setting `witnesses`) and to its
    auditors. The log's operator gives you the log's key. Any log that speaks c2sp.org/tlog-witness can
    be watched, if its key is named as its origin and its checkpoints have no extension lines.
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@witness.command()
@click.argument("directory", type=_DIRECTORY, metavar="DIR")
@click.option(
    "--name", required=True, help="the key's name, like a URL without a scheme: witness.example.org/w1"
)
def init(directory: Path, name: str) -> None:
    """Make a witness in DIR, with a new key, and print the public one.

    Keep DIR: a witness that forgets what it has cosigned protects nobody. DIR/key (mode 600) is the
    secret.
    """
    click.echo(str(create_witness(directory.absolute(), name)))


@witness.command()
@click.argument("directory", type=_DIRECTORY, metavar="DIR")
@click.option(
    "--log",
    "vkeys",
    multiple=True,
    required=True,
    metavar="VKEY",
    help="a log's public key; repeat it for several logs, and for the new key of a log that changed its own",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option(
    "--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one"
)
@click.option("--tls-cert", type=_DIRECTORY, help="certificate file (PEM) to speak HTTPS with")
@click.option("--tls-key", type=_DIRECTORY, help="the certificate's private key (PEM)")
def run(
    directory: Path,
    *,
    vkeys: tuple[str, ...],
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> None:
    """Answer logs until Ctrl-C.

    POST /add-checkpoint is c2sp.org/tlog-witness; GET /heads lists what was last cosigned of each log,
    for auditors to compare with what the log shows them. All of it is public and signed, so plain HTTP
    betrays nothing; TLS keeps others from holding requests back.

    A log is believed whatever it says the first time; from then on it is held to it. Refused requests
    that a log did sign are kept in DIR/evidence.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logs = [_log_key(vkey) for vkey in vkeys]
    _require_tls_pair(tls_cert, tls_key)
    signer = load_key(directory)
    with Witness(directory, signer, logs) as watching, _listener(host, port) as listener:
        for origin in watching.unseen_logs():
            logging.getLogger("countenance.witness").warning(
                "first use: the next head of %r is believed", origin
            )
        scheme = "https" if tls_cert else "http"
        shown = f"[{host}]" if ":" in host else host
        click.echo(
            f"witness {signer.verifier.name} answers at {scheme}://{shown}:{listener.getsockname()[1]}"
        )
        click.echo(f"key     {signer.verifier}")
        sys.stdout.flush()
        with closing(WitnessApp(watching)) as app:
            _serve(app, listener, tls_cert, tls_key)
    click.echo("stopped", err=True)


@witness.command()
@click.argument("directory", type=_DIRECTORY, metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def heads(directory: Path, as_json: bool) -> None:
    """Show what was last cosigned of each log; exits 1 if anything is damaged.

    Works beside a running witness.
    """
    whole, damaged = read_heads(directory, load_key(directory).verifier)
    rows = [_to_row(head) for head in whole]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            click.echo(
                f"{row['origin']}\n  size {row['size']}  cosigned {row['cosigned']}\n  root {row['root']}"
            )
        if not rows and not damaged:
            click.echo("nothing was cosigned yet")
    for error in damaged:
        click.secho(str(error), fg="red", err=True)
    if damaged:
        sys.exit(_SOMETHING_IS_WRONG)


def _serve(app: WitnessApp, listener: socket.socket, tls_cert: Path | None, tls_key: Path | None) -> None:
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=WitnessConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
    )
    server = uvicorn.Server(config)
    with _stopping(server):
        server.run(sockets=[listener])


@contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    """SIGINT and SIGTERM end the server and not the process, which uvicorn would have them do afterwards."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _log_key(vkey: str) -> Verifier:
    try:
        verifier = Verifier.parse(vkey)
    except NoteInvalid as error:
        raise SetupError(
            f"`{vkey}` is no public key of a log: {error}",
            remedy="ask the log's operator for its key, NAME+HASH+KEY",
        ) from None
    if verifier.algorithm != ED25519:
        raise SetupError(
            f"`{vkey}` is the key of a witness, not of a log",
            remedy="ask the log's operator for the log's key",
        )
    return verifier


def _require_tls_pair(tls_cert: Path | None, tls_key: Path | None) -> None:
    if bool(tls_cert) != bool(tls_key):
        raise SetupError("TLS needs a certificate and its key", remedy="give both --tls-cert and --tls-key")
    if tls_cert and tls_key:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls_cert, tls_key)
        except OSError as error:  # an SSLError is one
            raise SetupError(
                f"cannot use the certificate `{tls_cert}` with the key `{tls_key}`: {error}",
                remedy="give two PEM files that belong together",
            ) from None


@contextmanager
def _listener(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((host, port), family=_family(host), backlog=_BACKLOG)
    except OSError as error:
        raise SetupError(
            f"cannot listen on `{host}` port {port} ({error.strerror or error})",
            remedy="choose another --port (0 picks a free one) or stop what uses it",
        ) from None
    with listener:
        yield listener


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _to_row(head: Head) -> dict[str, str | int]:
    checkpoint = head.checkpoint
    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": encode_base64(checkpoint.root),
        "cosigned": _to_time(head.cosigned_s),
    }


def _to_time(timestamp_s: int) -> str:
    try:
        return datetime.fromtimestamp(timestamp_s, UTC).isoformat()
    except (OverflowError, ValueError, OSError):  # beyond the year 9999: our clock was wrong
        return str(timestamp_s)
