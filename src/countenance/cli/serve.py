"""`countenance serve`: the supervisor. It owns the data directory, the database and the socket.

The supervisor starts PostgreSQL, migrates, makes the first account, opens the listening socket and
keeps N worker processes on it; it answers no request itself, so a worker that dies takes neither the
database nor the port with it.
"""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

import click

from countenance.audit.watch import watching_log
from countenance.cli.fleet import Fleet
from countenance.cli.installation import Installation, first_credentials, open_installation
from countenance.cli.options import settings_options
from countenance.cli.patrolling import Patrolling
from countenance.cli.process_limits import set_process_limits
from countenance.cli.rotating import finish_rotation, misplaced
from countenance.cli.standstill import Standstill
from countenance.cli.terms_at_start import standard_of
from countenance.conduct import Conduct
from countenance.errors import SetupError
from countenance.gateway.room import least_connections_of
from countenance.settings import Settings
from countenance.store.jobs.watch import watching_jobs
from countenance.telemetry import metrics_server, open_telemetry
from countenance.transparency.witnesses import parse_witnesses
from countenance.vision.attributes.attribute_pack import AttributeStore
from countenance.vision.attributes.description import ATTRIBUTES

_OWN_CONNECTIONS = 24
"""Of the supervisor, the sequencer, and commands beside a running server."""
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@click.command()
@settings_options()
def serve(**given: Any) -> None:
    """Start the server for good.

    Makes the data directory, starts the embedded PostgreSQL (unless --database-url), installs the
    models that are missing, writes credentials as an AWS profile file DATA_DIR/credentials (mode 600)
    and prints the lines that point boto3 and the AWS CLI at it. Ctrl-C stops everything cleanly.
    """
    settings = Settings.from_env(**given)
    _require_safe_exposure(settings)
    set_process_limits()
    with ExitStack() as stack:
        stopping = stack.enter_context(_stop_signals())
        installation = stack.enter_context(open_installation(settings))
        _require_connections(installation)
        _say(finish_rotation(installation.database, installation.keys))
        _say(misplaced(settings, installation.keys))
        listener = stack.enter_context(_listener(settings))
        standstill = stack.enter_context(_watched(settings, installation))
        endpoint = _endpoint(settings, listener)
        credentials = first_credentials(installation, endpoint=endpoint)
        chosen = replace(settings, pack=installation.default_pack.manifest.name)
        fleet = stack.enter_context(Fleet(chosen, installation.database_url, listener, endpoint=endpoint))
        fleet.wait_until_ready(stopping)
        if not stopping.is_set:
            _print_banner(installation, endpoint=endpoint, credentials=str(credentials))
            patrolling = Patrolling(_conduct(installation).patrol)
            fleet.supervise(stopping, meanwhile=patrolling, standstill_s=standstill.seconds)
        click.echo("stopping: calls in flight are finished first", err=True)


@contextmanager
def _watched(settings: Settings, installation: Installation) -> Iterator[Standstill]:
    """The page of metrics, and on it how the log stands; without the page still whether it does."""
    standstill = Standstill()
    witnesses = {str(client.verifier): client.name for client in parse_witnesses(settings.witnesses)}
    with metrics_server(settings):
        untraced = replace(settings, otel_endpoint="")
        telemetry = open_telemetry(untraced, operations={}, witnesses=set(witnesses.values()))
        try:
            with (
                watching_jobs(installation.database, telemetry.metrics),
                watching_log(
                    installation.database, telemetry.metrics, witnesses=witnesses, heed=standstill.heed
                ),
            ):
                yield standstill
        finally:
            telemetry.close()


class StopRequest:
    """Set once by SIGINT or SIGTERM; polled by the supervisor."""

    def __init__(self) -> None:
        self.is_set = False

    def set(self, _signal: int, _frame: FrameType | None) -> None:
        self.is_set = True


@contextmanager
def _stop_signals() -> Iterator[StopRequest]:
    stopping = StopRequest()
    previous = {number: signal.signal(number, stopping.set) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _require_safe_exposure(settings: Settings) -> None:
    if settings.host in _LOOPBACK or settings.tls_cert or settings.insecure_http:
        return
    raise SetupError(
        f"listening on `{settings.host}` without TLS would send faces over the network in clear",
        remedy="give --tls-cert and --tls-key, or --insecure-http behind a proxy that speaks TLS",
    )


def _say(words: str) -> None:
    if words:
        click.echo(words, err=True)


def _require_connections(installation: Installation) -> None:
    """What all processes need, and the server itself; told now and not by calls that fail."""
    settings = installation.settings
    needed = settings.workers * least_connections_of(settings) + _OWN_CONNECTIONS
    offered = installation.database.offered_connections()
    if needed > offered:
        raise SetupError(
            f"the database takes {offered} connections; workers and threads as they are set need {needed}",
            remedy="give fewer --workers or --threads, or raise max_connections of the database",
        )


@contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise SetupError(
                f"cannot listen on `{settings.host}` port {settings.port} ({error.strerror or error})",
                remedy="choose another --port (0 picks a free one) or stop what uses it",
            ) from None
        listener.listen(512)
        yield listener
    finally:
        listener.close()


def _endpoint(settings: Settings, listener: socket.socket) -> str:
    scheme = "https" if settings.tls_cert else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - read, not bound
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def _conduct(installation: Installation) -> Conduct:
    return Conduct.open(installation.database, installation.keys, installation.governance)


def _terms_line(installation: Installation) -> str:
    house = installation.governance.officers.house()
    accepted = installation.governance.acceptances.list(house) if house else []
    standard = standard_of(installation.governance, house) if house else None
    if standard is None or not standard.accepted or not accepted:
        return "not accepted yet: calls are refused"
    newest = accepted[0]
    wanted = f"; to be accepted: {standard}" if standard.wanted else ""
    return f"{newest.document} {newest.version}, accepted by {newest.officer}, {newest.role}{wanted}"


def _attributes_line(settings: Settings) -> str:
    supported = AttributeStore(settings.cache_dir, settings.models).at_hand().supported
    missing = ", ".join(sorted(ATTRIBUTES - supported))
    return f"all but {missing}: `countenance doctor` says why" if missing else "all that DetectFaces has"


def _print_banner(installation: Installation, *, endpoint: str, credentials: str) -> None:
    pack = installation.default_pack.manifest
    click.echo(
        f"""Countenance is serving at {endpoint}
  models       {pack.name} (FaceModelVersion {pack.face_model_version})
  attributes   {_attributes_line(installation.settings)}
  data         {installation.settings.data_dir}
  terms        {_terms_line(installation)}
  credentials  {credentials} (profile countenance)

Point an AWS client at it:
  export AWS_SHARED_CREDENTIALS_FILE={credentials} AWS_PROFILE=countenance
  export AWS_ENDPOINT_URL_REKOGNITION={endpoint}
  aws rekognition list-collections
  python -c "import boto3; print(boto3.client('rekognition').list_collections())"

Ctrl-C stops it."""
    )
    sys.stdout.flush()
