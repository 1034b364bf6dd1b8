"""No face leaves a server by its metrics or its traces, nor any name that a caller gave."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from countenance.cli.server_process import running_server
from fixtures_server import Service, server_settings
from otlp_receiver import attributes, receiving

pytestmark = pytest.mark.xdist_group("serve")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
COLLECTION, EXTERNAL, USER = "quetzal-collection", "quetzal-external", "quetzal-user"


@pytest.fixture(scope="module")
def metrics_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def receiver():
    with receiving() as opened:
        yield opened


@pytest.fixture(scope="module")
def observed(tmp_path_factory, receiver, metrics_port):
    """A server of two workers that tells everything it can."""
    data_dir = tmp_path_factory.mktemp("observed") / "data"
    settings = server_settings()
    options = ["--workers", "2", "--metrics-port", str(metrics_port), "--otel-endpoint", receiver.endpoint]
    with running_server(data_dir, settings, accept_terms="Test, suite", log=str, options=options) as running:
        yield Service(running, data_dir, settings)


def _scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        return page.read().decode()


def _sample(text, name, **labels):
    """The value of one sample, 0 where there is none."""
    for line in text.splitlines():
        series, _, value = line.rpartition(" ")
        if series.partition("{")[0] == name and all(
            f'{label}="{of}"' in series for label, of in labels.items()
        ):
            return float(value)
    return 0.0


def _join_trace(request, **_):
    request.headers["traceparent"] = f"00-{TRACE}-00f067aa0ba902b7-01"


def _a_worker(supervisor):
    """Process number of one of a supervisor's workers."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == supervisor and b"countenance.cli.worker" in (entry / "cmdline").read_bytes():
                return int(entry.name)
    raise AssertionError("no worker runs")


def _traces_of(photo):
    """Pieces of a photograph, as they would look in a message: raw, hexadecimal, in base64."""
    middle = len(photo) // 2
    found = []
    for start in (16, middle, middle + 1, middle + 2, len(photo) - 64):
        piece = photo[start : start + 48]
        encoded = base64.b64encode(photo)[start : start + 32]
        found += [piece, piece.hex().encode(), base64.b64encode(piece), encoded]
    return found


def test_no_face_and_no_name_of_a_caller_leaves(observed, receiver, metrics_port, portraits):
    """Answered, refused and failed calls; everything that arrived, byte for byte, and the files beside."""
    photo = portraits.known["obama"][1].read_bytes()
    client = observed.client()
    client.meta.events.register("before-send.rekognition", _join_trace)
    client.create_collection(CollectionId=COLLECTION, Tags={"quetzal-tag": "quetzal-value"})
    image = {"Bytes": photo}
    indexed = client.index_faces(CollectionId=COLLECTION, Image=image, ExternalImageId=EXTERNAL)
    face_id = indexed["FaceRecords"][0]["Face"]["FaceId"]
    client.create_user(CollectionId=COLLECTION, UserId=USER)
    client.associate_faces(CollectionId=COLLECTION, UserId=USER, FaceIds=[face_id])
    client.search_users_by_image(CollectionId=COLLECTION, Image=image)
    found = client.search_faces_by_image(CollectionId=COLLECTION, Image=image)
    assert found["FaceMatches"][0]["Face"]["ExternalImageId"] == EXTERNAL
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_collection(CollectionId="quetzal-nowhere")
    with pytest.raises(client.exceptions.InvalidImageFormatException):
        client.detect_faces(Image={"Bytes": b"quetzal-picture"})

    spans = receiver.wait_for(8 * 8)
    scraped = _scrape(metrics_port)
    files = [file.read_bytes() for file in (observed.data_dir / "metrics").iterdir()]
    told = b"\n".join([*receiver.bodies, scraped.encode(), *files])
    names = [COLLECTION, EXTERNAL, USER, "quetzal", face_id, face_id.replace("-", "")]
    names.append(observed.running.access_key_id)
    for secret in [*(name.encode() for name in names), *_traces_of(photo)]:
        assert secret not in told
    assert b"Traceback" not in told
    assert not any(span.events or span.status.message or span.trace_state for span in spans)

    # the control: what is looked through is what was told, of these very calls
    assert b"SearchFacesByImage" in b"".join(receiver.bodies)
    of = {"service": "rekognition", "operation": "SearchFacesByImage", "outcome": "answered", "status": "200"}
    assert _sample(scraped, "countenance_calls_total", **of) == 1
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    searched = next(span for span in spans if span.name == "rekognition:SearchFacesByImage")
    assert attributes(searched)["http.response.status_code"] == 200
    steps = {span.name for span in spans if span.parent_span_id == searched.span_id}
    assert {"admit", "authenticate", "validate", "authorize", "dispatch", "record"} <= steps


def test_figures_are_of_all_workers_and_outlive_them(observed, metrics_port):
    """What a worker has counted stays when it is killed; another one counts on beside it."""
    of = {"service": "rekognition", "operation": "ListCollections"}

    def call_and_count(calls):
        for _ in range(calls):
            observed.client().list_collections()  # a connection of its own: any worker may take it
        return _sample(_scrape(metrics_port), "countenance_call_duration_seconds_count", **of)

    before = call_and_count(20)
    folder = observed.data_dir / "metrics"
    counting = len(list(folder.glob("counter_*.db")))
    os.kill(_a_worker(observed.running.process_id), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while len(list(folder.glob("counter_*.db"))) <= counting and time.monotonic() < deadline:
        time.sleep(0.1)
    assert call_and_count(0) == before
    assert call_and_count(10) == before + 10
    assert _sample(_scrape(metrics_port), "countenance_calls_in_flight") == 0
    assert len(list(folder.glob("gauge_livesum_*.db"))) == counting, "the dead worker's is gone"


def test_the_log_tells_how_it_stands(observed, metrics_port):
    """Every call that is on record has its place within seconds, and a signed head over it."""
    observed.client().list_collections()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        scraped = _scrape(metrics_port)
        if _sample(scraped, "countenance_log_size_entries") > 1:
            break
        time.sleep(0.2)
    assert _sample(scraped, "countenance_log_size_entries") > 1
    assert 0 <= _sample(scraped, "countenance_log_published_age_seconds") < 60
    assert _sample(scraped, "countenance_log_pending_age_seconds") < 30
    assert _sample(scraped, "countenance_log_integrated_entries_total") > 0
    assert _sample(scraped, "countenance_log_integration_lag_seconds_count") > 0
