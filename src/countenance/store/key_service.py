"""A key management service (AWS KMS or one that speaks its API): it keeps the key that master keys are under.

The one module that speaks to it. A master key is a data key of the service's: made there, kept here only as
the service encrypted it, and opened by asking the service again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.store.errors import KeyServiceError

_CONNECT_TIMEOUT_S: Final = 3
_READ_TIMEOUT_S: Final = 5
_ATTEMPTS: Final = 3
_REMEDIES: Final = {
    "AccessDeniedException": "allow kms:Decrypt and kms:GenerateDataKey on it to the credentials that this "
    "server uses; where it is another service's or region's key, set kms_endpoint and kms_region",
    "DisabledException": "enable the key again (`aws kms enable-key`)",
    "KMSInvalidStateException": "if it is scheduled for deletion, cancel that now (`aws kms "
    "cancel-key-deletion`, then `enable-key`): once it is deleted everything under it is lost",
    "NotFoundException": "set kms_key_id, kms_region and kms_endpoint to those of the key; if that is gone, "
    "restore the keys folder from a backup under another key",
    "IncorrectKeyException": "restore the keys folder from its backup: the file is of another key",
    "InvalidCiphertextException": "restore the keys folder from its backup: the file was changed, or is of "
    "another key store",
}
_CREDENTIALS: Final = (
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "ExpiredTokenException",
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
)
_SET_CREDENTIALS: Final = "set kms_access_key_id and kms_secret_access_key, or AWS's own variables or profile"
_TRY_AGAIN: Final = "see that it runs and that kms_endpoint and kms_region are right; then try again"


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that the service made.

    Attributes:
        key: 32 random bytes, in clear: for memory only.
        ciphertext: the same, as the service encrypted it.
        key_id: the ARN of the service's key that it is under.
    """

    key: bytes = field(repr=False)
    ciphertext: bytes
    key_id: str


class KeyService:
    """Makes and opens master keys with a key of the service's. Thread-safe.

    It asks nobody before it is used. A service that is away is told within half a minute.
    """

    def __init__(
        self,
        key_id: str,
        *,
        endpoint: str = "",
        region: str = "",
        access_key_id: str = "",
        secret_access_key: str = "",
    ) -> None:
        """
        Args:
            key_id: ARN, id or alias of the key that new master keys are made under.
            region: empty for the one in the ARN, else as boto3 finds it.
            access_key_id: empty, with its secret, for credentials as boto3 finds them.

        Raises:
            SetupError: half of the credentials, or no region.
        """
        import boto3.session
        import botocore.config
        from botocore.exceptions import BotoCoreError

        if bool(access_key_id) != bool(secret_access_key):
            raise SetupError(
                "`kms_access_key_id` and `kms_secret_access_key` belong together",
                remedy="set both or neither",
            )
        self.key_id = key_id
        logging.getLogger("botocore.credentials").setLevel(logging.WARNING)  # at INFO it tells where they are
        try:
            self._client: Any = boto3.session.Session().client(
                "kms",
                endpoint_url=endpoint or None,
                region_name=region or _region_of(key_id),
                aws_access_key_id=access_key_id or None,
                aws_secret_access_key=secret_access_key or None,
                config=botocore.config.Config(
                    connect_timeout=_CONNECT_TIMEOUT_S,
                    read_timeout=_READ_TIMEOUT_S,
                    retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                ),
            )
        except (BotoCoreError, ValueError) as error:
            raise SetupError(
                f"the key service of `{key_id}` cannot be used: {error}",
                remedy="set kms_region and kms_endpoint",
            ) from error

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The service that the settings name; None where master keys are in files.

        Raises:
            SetupError: they name it by half.
        """
        if not settings.kms_key_id:
            for name in ("kms_endpoint", "kms_region", "kms_access_key_id", "kms_secret_access_key"):
                if getattr(settings, name):
                    # Else the master key would be made in a file, where nobody meant it to be.
                    raise SetupError(f"`{name}` is set without `kms_key_id`", remedy="set kms_key_id too")
            return None
        return cls(
            settings.kms_key_id,
            endpoint=settings.kms_endpoint,
            region=settings.kms_region,
            access_key_id=settings.kms_access_key_id,
            secret_access_key=settings.kms_secret_access_key,
        )

    def make_key(self, context: Mapping[str, str]) -> DataKey:
        """A new key, which opens only with the same `context`: no secret, it stands in the service's log.

        Raises:
            KeyServiceError: it was not made.
        """
        answer = self._ask(
            "generate_data_key",
            self.key_id,
            KeyId=self.key_id,
            KeySpec="AES_256",
            EncryptionContext=dict(context),
        )
        return DataKey(answer["Plaintext"], answer["CiphertextBlob"], answer["KeyId"])

    def open_key(self, ciphertext: bytes, *, key_id: str, context: Mapping[str, str]) -> bytes:
        """What `make_key` made under that key: 32 bytes.

        Raises:
            KeyServiceError: the service is away or refuses, the key may not be used, or it is another's.
        """
        answer = self._ask(
            "decrypt", key_id, KeyId=key_id, CiphertextBlob=ciphertext, EncryptionContext=dict(context)
        )
        return bytes(answer["Plaintext"])

    def refusal(self, context: Mapping[str, str]) -> KeyServiceError | None:
        """Why it could not keep a master key for us; None if it could: it is tried, and nothing is kept."""
        try:
            made = self.make_key(context)
            self.open_key(made.ciphertext, key_id=made.key_id, context=context)
        except KeyServiceError as error:
            return error.again()
        return None

    def _ask(self, operation: str, key_id: str, **request: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        named = f"the key service did not {_WHAT[operation]} the master key with `{key_id}`"
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            remedy = _SET_CREDENTIALS if code in _CREDENTIALS else _REMEDIES.get(code, _TRY_AGAIN)
            raise KeyServiceError(f"{named} ({code})", remedy=remedy) from None
        except NoCredentialsError:
            raise KeyServiceError(f"{named}: there are no credentials", remedy=_SET_CREDENTIALS) from None
        except BotoCoreError as error:
            raise KeyServiceError(f"{named} ({type(error).__name__})", remedy=_TRY_AGAIN) from error
        return answer


_WHAT: Final = {"generate_data_key": "make", "decrypt": "open"}


def _region_of(key_id: str) -> str | None:
    """`arn:aws:kms:REGION:ACCOUNT:key/ID` names its region; an id or alias leaves it to boto3."""
    parts = key_id.split(":")
    return parts[3] if len(parts) == 6 and parts[0] == "arn" and parts[2] == "kms" else None
