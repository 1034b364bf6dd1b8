from __future__ import annotations

import socket
import time

import pytest

from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.store import KeyService, KeyServiceError
from countenance.store.key_service import _REMEDIES
from fixtures_kms import CREDENTIALS

CONTEXT = {"countenance:key-store": "one"}
ARN = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_a_key_is_made_and_opened_again(kms):
    made = kms.service().make_key(CONTEXT)
    assert (len(made.key), made.key_id) == (32, kms.key_id)
    assert made.key not in made.ciphertext
    assert kms.service().open_key(made.ciphertext, key_id=made.key_id, context=CONTEXT) == made.key
    assert made.key.hex() not in repr(made)
    assert repr(made.key) not in repr(made)


def test_an_alias_names_a_key_and_the_key_is_remembered_not_the_alias(kms):
    """Somebody may give the alias to another key: what is there opens with the one that it was made with."""
    first, second = (kms.client.create_key()["KeyMetadata"] for _ in range(2))
    kms.client.create_alias(AliasName="alias/moving", TargetKeyId=first["KeyId"])
    service = kms.service("alias/moving")
    made = service.make_key(CONTEXT)
    assert made.key_id == first["Arn"]
    kms.client.update_alias(AliasName="alias/moving", TargetKeyId=second["KeyId"])
    assert service.make_key(CONTEXT).key_id == second["Arn"]
    assert service.open_key(made.ciphertext, key_id=made.key_id, context=CONTEXT) == made.key


def test_what_was_made_for_another_key_store_does_not_open(kms):
    """Whoever copies the file beside other keys gets nothing from the service."""
    made = kms.service().make_key(CONTEXT)
    with pytest.raises(KeyServiceError, match="did not open the master key"):
        kms.service().open_key(
            made.ciphertext, key_id=made.key_id, context={"countenance:key-store": "another"}
        )


def test_what_another_key_encrypted_or_nobody_did_does_not_open(kms):
    made = kms.service().make_key(CONTEXT)
    other = kms.client.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(KeyServiceError, match=other):
        kms.service().open_key(made.ciphertext, key_id=other, context=CONTEXT)
    with pytest.raises(KeyServiceError, match=kms.key_id):
        kms.service().open_key(b"nonsense", key_id=kms.key_id, context=CONTEXT)
    with pytest.raises(KeyServiceError, match="alias/none"):
        kms.service("alias/none").make_key(CONTEXT)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        *_REMEDIES.items(),
        ("UnrecognizedClientException", "kms_access_key_id"),
        ("ExpiredTokenException", "kms_access_key_id"),
        ("SomethingNewException", "try again"),
    ],
)
def test_each_refusal_names_the_key_and_the_remedy(refusing_kms, code, remedy):
    """Denied, disabled, to be deleted, unknown: what helps differs."""
    refusing_kms.code = code
    service = KeyService(ARN, endpoint=refusing_kms.endpoint, **CREDENTIALS)
    with pytest.raises(KeyServiceError) as caught:
        service.open_key(b"c", key_id=ARN, context=CONTEXT)
    assert ARN in caught.value.problem
    assert code in caught.value.problem
    assert remedy in caught.value.remedy
    with pytest.raises(KeyServiceError, match="did not make the master key"):
        service.make_key(CONTEXT)
    assert refusing_kms.asked == ["Decrypt", "GenerateDataKey"], "a refusal is not asked for twice"


def test_a_service_that_fails_is_asked_a_few_times_and_then_told(refusing_kms):
    refusing_kms.code, refusing_kms.status = "KMSInternalException", 500
    began_s = time.monotonic()
    with pytest.raises(KeyServiceError, match="KMSInternalException"):
        KeyService(ARN, endpoint=refusing_kms.endpoint, **CREDENTIALS).make_key(CONTEXT)
    assert refusing_kms.asked == ["GenerateDataKey"] * 3
    assert time.monotonic() - began_s < 10


def test_a_service_that_is_away_is_told_soon():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = KeyService(ARN, endpoint=f"http://127.0.0.1:{port}", **CREDENTIALS)
    began_s = time.monotonic()
    with pytest.raises(KeyServiceError, match=r"EndpointConnectionError.*see that it runs"):
        service.open_key(b"c", key_id=ARN, context=CONTEXT)
    assert time.monotonic() - began_s < 20


def test_without_credentials_nothing_is_asked(refusing_kms, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(KeyServiceError, match=r"no credentials.*kms_access_key_id"):
        KeyService(ARN, endpoint=refusing_kms.endpoint).make_key(CONTEXT)
    assert refusing_kms.asked == []
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(KeyServiceError, match="AccessDenied"):
        KeyService(ARN, endpoint=refusing_kms.endpoint).make_key(CONTEXT)


def test_the_region_is_the_settings_else_the_arns(monkeypatch, tmp_path):
    assert KeyService(ARN, **CREDENTIALS)._client.meta.region_name == "eu-west-1"
    assert KeyService(ARN, region="us-west-2", **CREDENTIALS)._client.meta.region_name == "us-west-2"
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SetupError, match=r"alias/mine.*kms_region"):
        KeyService("alias/mine", **CREDENTIALS)


def test_settings_name_a_service_or_none():
    assert KeyService.from_settings(Settings()) is None
    named = KeyService.from_settings(Settings(kms_key_id=ARN))
    assert named is not None
    assert named.key_id == ARN
    with pytest.raises(SetupError, match="kms_access_key_id"):
        KeyService.from_settings(Settings(kms_key_id=ARN, kms_access_key_id="id"))
    with pytest.raises(SetupError, match="kms_endpoint"):
        KeyService.from_settings(Settings(kms_key_id=ARN, kms_endpoint="no url"))


@pytest.mark.parametrize(
    "setting", ["kms_endpoint", "kms_region", "kms_access_key_id", "kms_secret_access_key"]
)
def test_a_service_without_a_key_is_a_mistake_and_no_reason_for_a_key_in_a_file(setting):
    """A mistyped variable must not put the master key where nobody meant it to be."""
    with pytest.raises(SetupError, match=rf"`{setting}` is set without `kms_key_id`"):
        KeyService.from_settings(Settings(**{setting: "x"}))
