"""Settings enter once."""

from __future__ import annotations

from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.settings import Settings


def test_arguments_win_over_the_environment_and_that_over_defaults():
    """None means not given."""
    environment = {
        "COUNTENANCE_PORT": "9000",
        "COUNTENANCE_REGION": "eu-west-1",
        "COUNTENANCE_INSECURE_HTTP": "yes",
    }
    settings = Settings.from_env(environment, port=9001, region=None)
    assert (settings.port, settings.region, settings.insecure_http) == (9001, "eu-west-1", True)
    assert settings.host == "127.0.0.1"


def test_paths_become_absolute():
    """Workers may run in another folder."""
    settings = Settings.from_env({}, data_dir=Path("data"), models=Path("~/models"))
    assert settings.data_dir == Path.cwd() / "data"
    assert settings.models == Path.home() / "models"


@pytest.mark.parametrize(
    ("environment", "given", "words"),
    [
        ({"COUNTENANCE_PORT": "x"}, {}, "whole number"),
        ({"COUNTENANCE_INSECURE_HTTP": "maybe"}, {}, "true or false"),
        ({}, {"port": 70000}, "0 to 65535"),
        ({}, {"workers": 0}, "1 to 256"),
        ({}, {"account_calls_per_s": -1}, "0 or more"),
        ({}, {"account_burst": -1}, "0 or more"),
        ({}, {"queue_patience_s": 0}, "1 or more"),
        ({}, {"tls_cert": Path("cert.pem")}, "--tls-key"),
        ({}, {"log_format": "xml"}, "text or json"),
        ({}, {"witnesses": "w1+hash+key=http://w1, ", "witness_quorum": 2}, "0 to 1"),
        ({}, {"witness_quorum": -1}, "0 to 0"),
        ({}, {"witness_quorum": 1}, "name --witnesses first"),
        ({}, {"metrics_port": -1}, "0 to 65535"),
        ({}, {"trusted_proxies": "10.0.0.1, proxy.example"}, "proxy.example"),
        ({}, {"trusted_proxies": "10.0.0.1/8"}, "10.0.0.0/8"),
        ({}, {"otel_endpoint": "localhost:4318"}, "http(s) URL"),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(environment, given, words):
    """Before anything is started."""
    with pytest.raises(SetupError) as caught:
        Settings.from_env(environment, **given)
    assert words in str(caught.value)


def test_secrets_are_not_in_the_repr():
    """A settings value may end up in a traceback."""
    settings = Settings.from_env({}, database_url="postgresql://u:secret@h/d", s3_secret_access_key="hush")
    assert "secret@" not in repr(settings)
    assert "hush" not in repr(settings)
