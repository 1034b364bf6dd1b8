from __future__ import annotations

import subprocess
import sys

from countenance.settings import Settings
from countenance.telemetry import Metrics, Telemetry, Tracer, open_telemetry
from otlp_receiver import receiving


def test_by_default_there_is_none_and_its_libraries_are_not_even_loaded(tmp_path):
    """Nothing is kept, sent or imported unless an operator asks for it."""
    telemetry = open_telemetry(Settings(data_dir=tmp_path), operations={})
    assert not telemetry.is_on
    assert list(tmp_path.iterdir()) == []
    script = (
        "import sys; from countenance.telemetry import *; from countenance.settings import Settings;"
        "open_telemetry(Settings(), operations={});"
        "assert not {'prometheus_client', 'opentelemetry'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_an_endpoint_makes_a_tracer(tmp_path, make_call):
    with receiving() as receiver:
        settings = Settings(data_dir=tmp_path, otel_endpoint=receiver.endpoint)
        telemetry = open_telemetry(settings, operations={"rekognition": ["DetectFaces"]})
        assert telemetry.is_on
        telemetry.call_ended(make_call())
        telemetry.close()
        assert len(receiver.spans()) == 3


def test_what_goes_wrong_in_telemetry_is_no_failure_of_the_call(make_call):
    """The call is recorded and answered by then; and one of the two does not silence the other."""

    class Broken(Metrics):
        def call_ended(self, call):
            raise OSError

    class Listening(Tracer):
        heard = 0

        def call_ended(self, call):
            self.heard += 1

    tracer = Listening()
    Telemetry(Broken(), tracer).call_ended(make_call())
    assert tracer.heard == 1
