"""Every setting, read once: `Settings.from_env` in the CLI, arguments everywhere else."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import platformdirs

from countenance.errors import SetupError

ENVIRONMENT_PREFIX = "COUNTENANCE_"
_WORDS = {"log_format": ("text", "json"), "scan_device": ("auto", "cpu", "gpu")}
"""Settings that are one of a few words."""
_COUNTS = (("gallery_bytes", 0), ("account_calls_per_s", 0), ("account_burst", 0))
"""Settings that have no highest value, and their lowest."""


def _data_home() -> Path:
    return Path(platformdirs.user_data_dir("countenance"))


def _cache_home() -> Path:
    return Path(platformdirs.user_cache_dir("countenance"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server runs. Each field is also an environment variable, `COUNTENANCE_<FIELD>`.

    Attributes:
        data_dir: database, keys, credentials and logs; nothing is written elsewhere while serving.
        cache_dir: where `models install` keeps weights and `evaluate` templates; read-only while serving.
        models: a folder searched for weights before the cache; empty for none.
        pack: the pack for new collections and for calls without one; empty: `standard`, else `open`.
        database_url: a PostgreSQL to use instead of the embedded one; empty for the embedded one.
        host: address to listen on.
        port: port to listen on; 0 picks a free one.
        workers: server processes.
        threads: threads a process runs operations on; 0: two for each core of the machine.
        region: the AWS region that credentials must be scoped to.
        tls_cert: certificate chain (PEM); with `tls_key`.
        tls_key: private key (PEM).
        insecure_http: listen beyond loopback without TLS.
        trusted_proxies: addresses or networks (`10.0.0.0/8`), comma-separated, of proxies in front of this
            server whose `X-Forwarded-For` says who asks; empty for none.
        cors_origin: origins that browsers may call from, comma-separated; empty for none.
        log_format: `text` or `json`.
        accept_terms: "Name, role" of the officer who accepts the terms, recorded at start.
        terms: a folder with further versions of the terms, or terms of your own (`NAME-VERSION.md`, `.toml`).
        tombstones: a second file for the list of what was erased, on another disk than `data_dir`: so that
            restoring a backup brings nothing erased back even when that is lost.
        log_origin: what the audit log is called, `example.com/log`; empty for a name of its own. For good.
        witnesses: who cosigns the audit log, comma-separated `VKEY=URL`; empty for nobody.
        witness_quorum: how many of them must have cosigned before a checkpoint is published.
        max_bytes_in_flight: request bytes held at once by one process; more is throttled.
        account_calls_per_s: calls a second that an account may make, of those that use a face and of the
            others each, over all processes; 0: 500 for each core of the machine. An account may have its
            own (`countenance accounts limit`).
        account_burst: calls that it may make at once after a rest; 0: two seconds' worth.
        queue_patience_s: how long a call waits for a thread before it is throttled instead, s.
        review_view_s: how long an examiner must look at each candidate of a held search, s.
        gallery_bytes: memory that galleries may take; beyond it the least recently searched are given up, one
            that is larger is searched all the same, alone; 0: half of the machine's.
        scan_device: what searches over large collections run on: `cpu`; `gpu`, which must be there; `auto`: a
            GPU where there is one and `countenance[gpu]` is installed.
        metrics_port: port of the page `/metrics` for Prometheus; 0: no such page.
        metrics_host: address that page is served on.
        otel_endpoint: an OpenTelemetry collector that traces are sent to, OTLP over HTTP (as
            `http://127.0.0.1:4318`); empty for none.
        kms_key_id: key of a key management service (ARN, id or alias) that the master key is to be under: AWS
            KMS or one that speaks its API; empty for a master key in a file.
        kms_endpoint: address of that service; empty for AWS's.
        kms_region: region of that service; empty for the one in the ARN, else as boto3 finds it.
        kms_access_key_id: credentials for that service; empty for those that boto3 finds.
        kms_secret_access_key: credentials for that service.
        console_origin: what browsers reach the console at (`https://countenance.example`), which passkeys are
            made for, for good; empty: passkeys work at `localhost` alone.
        oidc_issuer: an OpenID provider that operators may sign in to the console with
            (`https://id.example/realm`); empty for none.
        oidc_client_id: what this server is called there.
        oidc_client_secret: what it shows there.
        s3_root: a folder of buckets (one folder a bucket) for Image.S3Object.
        s3_endpoint: an S3-compatible store for Image.S3Object.
        s3_region: region of that store.
        s3_access_key_id: credentials for that store.
        s3_secret_access_key: credentials for that store.
        s3_buckets: allow-list, comma-separated `ACCOUNT/BUCKET` or `*/BUCKET`; empty allows none.
    """

    data_dir: Path = field(default_factory=_data_home)
    cache_dir: Path = field(default_factory=_cache_home)
    models: Path | None = None
    pack: str = ""
    database_url: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    threads: int = 0
    region: str = "us-east-1"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure_http: bool = False
    trusted_proxies: str = ""
    cors_origin: str = ""
    log_format: str = "text"
    accept_terms: str = ""
    terms: Path | None = None
    tombstones: Path | None = None
    log_origin: str = ""
    witnesses: str = ""
    witness_quorum: int = 0
    max_bytes_in_flight: int = 256 * 1024 * 1024
    account_calls_per_s: int = 0
    account_burst: int = 0
    queue_patience_s: int = 30
    review_view_s: int = 5
    gallery_bytes: int = 0
    scan_device: str = "auto"
    metrics_port: int = 0
    metrics_host: str = "127.0.0.1"
    otel_endpoint: str = ""
    kms_key_id: str = ""
    kms_endpoint: str = ""
    kms_region: str = ""
    kms_access_key_id: str = ""
    kms_secret_access_key: str = field(default="", repr=False)
    console_origin: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    s3_root: Path | None = None
    s3_endpoint: str = ""
    s3_region: str = "us-east-1"
    s3_access_key_id: str = ""
    s3_secret_access_key: str = field(default="", repr=False)
    s3_buckets: str = ""

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Self:
        """Settings from the environment, overridden by `given` (None means not given).

        Raises:
            SetupError: a variable that cannot be read as its field's type; an impossible combination.
        """
        source = os.environ if environment is None else environment
        found: dict[str, Any] = {}
        for setting in fields(cls):
            text = source.get(ENVIRONMENT_PREFIX + setting.name.upper(), "")
            if text != "":
                found[setting.name] = _parse(setting.name, str(setting.type), text)
        found.update({name: value for name, value in given.items() if value is not None})
        return cls(**found).checked()

    def checked(self) -> Self:
        """The same settings with paths made absolute; refuses what cannot work."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SetupError("TLS needs both a certificate and a key", remedy="give --tls-cert and --tls-key")
        ports = (("port", 0, 65535), ("metrics_port", 0, 65535))
        for name, low, high in (*ports, ("workers", 1, 256), ("threads", 0, 1024)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise SetupError(f"`{name}` is {value}", remedy=f"it must be {low} to {high}")
        for name, least in (*_COUNTS, ("queue_patience_s", 1)):
            if getattr(self, name) < least:
                raise SetupError(f"`{name}` is {getattr(self, name)}", remedy=f"it must be {least} or more")
        self._require_known_words()
        self._require_networks()
        named = sum(1 for part in self.witnesses.split(",") if part.strip())
        if not 0 <= self.witness_quorum <= named:
            raise SetupError(
                f"`witness_quorum` is {self.witness_quorum}",
                remedy="name --witnesses first"
                if self.witness_quorum > named == 0
                else f"it must be 0 to {named}: see `witnesses`",
            )
        if self.otel_endpoint and not self.otel_endpoint.startswith(("http://", "https://")):
            raise SetupError(f"`otel_endpoint` is `{self.otel_endpoint}`", remedy="it must be an http(s) URL")
        if self.accept_terms and "," not in self.accept_terms:
            raise SetupError(
                f"`{self.accept_terms}` is not a name and a role", remedy='give --accept-terms "Name, role"'
            )
        absolute = {
            setting.name: Path(value).expanduser().absolute()
            for setting in fields(self)
            if isinstance(value := getattr(self, setting.name), Path)
        }
        return replace(self, **absolute)  # type: ignore[arg-type]  # the names are those of Path fields

    def _require_networks(self) -> None:
        for part in filter(None, map(str.strip, self.trusted_proxies.split(","))):
            try:
                ipaddress.ip_network(part)
            except ValueError:
                raise SetupError(
                    f"`trusted_proxies` has `{part}`", remedy="give addresses or networks, as 10.0.0.0/8"
                ) from None

    def _require_known_words(self) -> None:
        for name, known in _WORDS.items():
            if getattr(self, name) not in known:
                raise SetupError(f"`{name}` is `{getattr(self, name)}`", remedy=f"use {' or '.join(known)}")


def _parse(name: str, type_name: str, text: str) -> Any:
    if type_name.startswith("Path"):
        return Path(text)
    if type_name == "int":
        try:
            return int(text)
        except ValueError:
            raise SetupError(
                f"`{ENVIRONMENT_PREFIX}{name.upper()}` is `{text}`", remedy="it must be a whole number"
            ) from None
    if type_name == "bool":
        lowered = text.lower()
        if lowered not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
            raise SetupError(f"`{ENVIRONMENT_PREFIX}{name.upper()}` is `{text}`", remedy="use true or false")
        return lowered in {"1", "true", "yes", "on"}
    return text
