"""Bytes behind `Image.S3Object`: a folder of buckets or an S3-compatible store, both allow-listed.

Whatever may not or cannot be read looks the same to the caller (InvalidS3ObjectException): a missing
key, a missing bucket and a bucket of somebody else must not be told apart.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, Self

from countenance.errors import (
    ImageTooLargeException,
    InternalServerError,
    InvalidS3ObjectException,
    ProvisionedThroughputExceededException,
    SetupError,
)
from countenance.settings import Settings

ANY_ACCOUNT: Final = "*"
_UNVERSIONED: Final = "null"
"""S3's version id of an object in a bucket without versions."""
_CONNECT_TIMEOUT_S: Final = 5
_READ_TIMEOUT_S: Final = 20
_CONNECTIONS: Final = 64


class _Store(Protocol):
    """One place that has buckets; thread-safe."""

    def holds(self, bucket: str) -> bool:
        """Whether a bucket of that name is to be looked for here and nowhere else."""

    def read(self, bucket: str, key: str, *, version: str | None, max_bytes: int) -> bytes:
        """The object's bytes; see `ObjectStores.read` for the errors."""


class ObjectStores:
    """The stores that this server reads pictures from, and which account may read which bucket."""

    def __init__(self, stores: Sequence[_Store], *, allowed: frozenset[tuple[str, str]]) -> None:
        """`stores`: the first that holds a bucket serves it; `allowed`: (account or `*`, bucket)."""
        self._stores = stores
        self._allowed = allowed

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The folder of buckets first, then the S3-compatible store; none when none is set.

        Raises:
            SetupError: a folder that is not there, a store without credentials, an allow-list entry
                that is not `ACCOUNT/BUCKET` or `*/BUCKET`.
        """
        stores: list[_Store] = []
        if settings.s3_root is not None:
            stores.append(FolderOfBuckets(settings.s3_root))
        if settings.s3_endpoint:
            stores.append(
                S3Compatible(
                    settings.s3_endpoint,
                    region=settings.s3_region,
                    access_key_id=settings.s3_access_key_id,
                    secret_access_key=settings.s3_secret_access_key,
                )
            )
        return cls(stores, allowed=parse_allow_list(settings.s3_buckets))

    def read(
        self, account_id: str, bucket: str, key: str, *, version: str | None = None, max_bytes: int
    ) -> bytes:
        """The object's bytes, if this account may read the bucket.

        Raises:
            InvalidS3ObjectException: no such bucket, key or version, or not for this account.
            ImageTooLargeException: over `max_bytes`; known before the object is read.
            ProvisionedThroughputExceededException: the store asks us to slow down.
            InternalServerError: the store does not answer.
        """
        if self._allowed.isdisjoint({(account_id, bucket), (ANY_ACCOUNT, bucket)}):
            raise InvalidS3ObjectException
        for store in self._stores:
            if store.holds(bucket):
                return store.read(bucket, key, version=version, max_bytes=max_bytes)
        raise InvalidS3ObjectException


def parse_allow_list(text: str) -> frozenset[tuple[str, str]]:
    """(account or `*`, bucket) of each comma-separated `ACCOUNT/BUCKET` or `*/BUCKET`.

    Raises:
        SetupError: an entry of another form.
    """
    allowed = set()
    for entry in filter(None, (part.strip() for part in text.split(","))):
        account_id, separator, bucket = entry.partition("/")
        is_account = account_id == ANY_ACCOUNT or (
            len(account_id) == 12 and account_id.isascii() and account_id.isdigit()
        )
        if not (separator and is_account and bucket) or "/" in bucket:
            raise SetupError(
                f"`s3_buckets` has the entry `{entry}`", remedy="write 123456789012/BUCKET or */BUCKET"
            )
        allowed.add((account_id, bucket))
    return frozenset(allowed)


class FolderOfBuckets:
    """A folder with one folder a bucket; a key's slashes are folders in it.

    Below the root no symbolic link is followed and no hidden name is opened. Each step opens one name
    relative to the folder opened before it, so that nothing can be exchanged between check and use.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise SetupError(f"`s3_root` is `{root}`, which is no folder", remedy="create it or unset it")
        self._root = root

    def holds(self, bucket: str) -> bool:
        return _is_plain_name(bucket) and (self._root / bucket).is_dir()

    def read(self, bucket: str, key: str, *, version: str | None, max_bytes: int) -> bytes:
        names = [bucket, *key.split("/")]
        if version not in {None, _UNVERSIONED} or not all(map(_is_plain_name, names)):
            raise InvalidS3ObjectException
        try:
            descriptor = self._open(names)
        except OSError:
            raise InvalidS3ObjectException from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InvalidS3ObjectException
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return _read_at_most(max_bytes, size_bytes=status.st_size, read=file.read)
        finally:
            os.close(descriptor)

    def _open(self, names: Sequence[str]) -> int:
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names[:-1]:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                inner = os.open(name, flags, dir_fd=folder)
                os.close(folder)
                folder = inner
            # O_NONBLOCK: opening a named pipe must not wait for a writer
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(names[-1], flags, dir_fd=folder)
        finally:
            os.close(folder)


class S3Compatible:
    """An S3-compatible store, addressed by path (bucket in the path, as every such store can)."""

    def __init__(self, endpoint: str, *, region: str, access_key_id: str, secret_access_key: str) -> None:
        import boto3.session
        import botocore.config

        if not (access_key_id and secret_access_key):
            raise SetupError(
                f"`s3_endpoint` is `{endpoint}`, without credentials",
                remedy="set s3_access_key_id and s3_secret_access_key",
            )
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            config=botocore.config.Config(
                s3={"addressing_style": "path"},
                connect_timeout=_CONNECT_TIMEOUT_S,
                read_timeout=_READ_TIMEOUT_S,
                max_pool_connections=_CONNECTIONS,
                retries={"mode": "standard", "total_max_attempts": 2},
                # stores other than AWS's do not all know the newer checksums
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def holds(self, bucket: str) -> bool:
        return bool(bucket)  # the store itself says so when the object is read

    def read(self, bucket: str, key: str, *, version: str | None, max_bytes: int) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        chosen = {} if version is None else {"VersionId": version}
        try:
            found = self._client.get_object(Bucket=bucket, Key=key, **chosen)
            with found["Body"] as body:
                return _read_at_most(max_bytes, size_bytes=found["ContentLength"], read=body.read)
        except ParamValidationError:
            raise InvalidS3ObjectException from None
        except ClientError as error:
            raise _refusal(int(error.response["ResponseMetadata"]["HTTPStatusCode"])) from None
        except BotoCoreError as error:
            raise InternalServerError("the object store does not answer") from error


def _is_plain_name(name: str) -> bool:
    """Whether a part of a key can only name something inside its folder, and nothing hidden."""
    if not name or name.startswith(".") or "\0" in name or "/" in name:
        return False
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # half of a surrogate pair: no file has such a name
        return False
    return True


def _read_at_most(max_bytes: int, *, size_bytes: int, read: Callable[[int], bytes]) -> bytes:
    if size_bytes > max_bytes:
        raise ImageTooLargeException
    data = read(max_bytes + 1)
    if len(data) > max_bytes:  # it grew since it was measured
        raise ImageTooLargeException
    return data


def _refusal(
    http_status: int,
) -> InvalidS3ObjectException | ProvisionedThroughputExceededException | InternalServerError:
    if http_status in {429, 503}:
        return ProvisionedThroughputExceededException("S3 download limit exceeded")
    if http_status >= 500:
        return InternalServerError("the object store failed")
    return InvalidS3ObjectException()
