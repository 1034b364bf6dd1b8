from __future__ import annotations

import http.client
import socket

import pytest

from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.telemetry import metrics_server


def _get(host, port, path):
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("content-type"), answer.read().decode()
    finally:
        connection.close()


def _free_port(host, family):
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_there_is_one_page_and_it_is_gone_when_the_server_stops(tmp_path, host, family):
    port = _free_port(host, family)
    with metrics_server(Settings(data_dir=tmp_path, metrics_port=port, metrics_host=host)):
        status, content_type, _ = _get(host, port, "/metrics")
        assert (status, content_type.partition(";")[0]) == (200, "text/plain")
        assert _get(host, port, "/")[0] == 404
    with pytest.raises(ConnectionRefusedError):
        _get(host, port, "/metrics")


def test_without_a_port_there_is_nothing(tmp_path):
    """Not even the folder."""
    with metrics_server(Settings(data_dir=tmp_path)):
        assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_told_with_the_remedy(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(data_dir=tmp_path, metrics_port=taken.getsockname()[1])
        with pytest.raises(SetupError, match="--metrics-port"), metrics_server(settings):
            pass
