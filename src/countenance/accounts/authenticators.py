"""What authenticators make and sign (WebAuthn, levels 2 and 3), checked. Pure: no database, no clock.

The only module that knows the library. Whatever a browser sends is a stranger's text until it holds.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from countenance.errors import CountenanceError, SetupError

LOCALHOST: Final = "localhost"
PATIENCE_MS: Final = 120_000
"""So long may somebody look for their key; browsers may shorten it."""
_MOST_TEXT: Final = 64 * 1024
_USUAL_PORT: Final = {"https": 443, "http": 80}
_NAMED: Final = "Countenance"
_ALGORITHMS: Final = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_FORMATS: Final = {AttestationFormat.NONE, AttestationFormat.PACKED}
"""None is asked for; some sign with the new key itself (`packed`). Who made the device is no matter here."""
_HOST: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)
_Found = TypeVar("_Found")


class NotShown(CountenanceError):
    """What an authenticator is said to have made or signed does not hold. It never says why in detail."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where passkeys are made for and work: one origin, and no other.

    Attributes:
        origin: as browsers write it: `https://countenance.example`.
        name: its host, which is what a passkey is bound to (the RP id).
    """

    origin: str
    name: str

    @classmethod
    def of(cls, origin: str) -> Place:
        """The place of a whole origin.

        Raises:
            SetupError: browsers make no passkeys for it: it is no https address of a host with a name.
        """
        try:
            parts = urlsplit(origin)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            parts, host, port = urlsplit(""), "", None
        is_local = host == LOCALHOST
        rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username, parts.password)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_local)
        if not is_safe or any(rest) or not _HOST.fullmatch(host) or _is_address(host):
            raise SetupError(
                f"`{origin}` is no origin that passkeys can be made for",
                remedy="write https://NAME[:PORT], as browsers reach the console; a name, no IP address",
            )
        shown = "" if port in {None, _USUAL_PORT[parts.scheme]} else f":{port}"
        return cls(f"{parts.scheme}://{host}{shown}", host)


@dataclass(frozen=True, slots=True)
class MadePasskey:
    """A new passkey's public half."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What a browser says about a passkey before anything of it is checked.

    Attributes:
        handle: whose it is, as the authenticator has it: an operator's id.
    """

    credential_id: bytes
    handle: str
    text: str = field(repr=False)


def creation_options(
    place: Place, challenge: bytes, *, operator_id: str, name: str, has: Sequence[bytes]
) -> str:
    """JSON for `navigator.credentials.create`. `has`: theirs already, so none makes a second."""
    options = generate_registration_options(
        rp_id=place.name,
        rp_name=_NAMED,
        user_id=operator_id.encode(),
        user_name=name,
        challenge=challenge,
        timeout=PATIENCE_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in has],
        supported_pub_key_algs=_ALGORITHMS,
    )
    return options_to_json(options)


def request_options(place: Place, challenge: bytes) -> str:
    """JSON for `navigator.credentials.get`: of anybody, as the authenticator itself knows whose it is."""
    options = generate_authentication_options(
        rp_id=place.name,
        challenge=challenge,
        timeout=PATIENCE_MS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def check_made(text: str, place: Place, challenge: bytes) -> MadePasskey:
    """The passkey that an authenticator made for this challenge, with its user verified.

    Raises:
        NotShown: it did not.
    """

    def check() -> MadePasskey:
        credential = parse_registration_credential_json(_whole(text))
        if parse_attestation_object(credential.response.attestation_object).fmt not in _FORMATS:
            raise NotShown
        _require_own_page(credential.response.client_data_json)
        found = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=place.name,
            expected_origin=place.origin,
            require_user_verification=True,
            supported_pub_key_algs=_ALGORITHMS,
        )
        if found.credential_id != credential.raw_id:
            raise NotShown
        return MadePasskey(found.credential_id, found.credential_public_key, found.sign_count)

    return _believed(check)


def read_shown(text: str) -> Shown:
    """Which passkey a browser speaks of.

    Raises:
        NotShown: none, or it does not say whose it is.
    """

    def read() -> Shown:
        credential = parse_authentication_credential_json(_whole(text))
        handle = credential.response.user_handle
        if not handle:
            raise NotShown
        return Shown(credential.raw_id, bytes(handle).decode("ascii"), text)

    return _believed(read)


def check_shown(shown: Shown, place: Place, challenge: bytes, *, public_key: bytes) -> int:
    """How often the passkey has signed, as its authenticator says, if it signed this challenge, here.

    Its user was present and verified. Whether the count went on is for whoever knows the last one.

    Raises:
        NotShown: it did not.
    """

    def check() -> int:
        credential = parse_authentication_credential_json(shown.text)
        _require_own_page(credential.response.client_data_json)
        # The count is compared elsewhere: the library would do so before it has checked the signature, and
        # then anybody could make a passkey look copied.
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=place.name,
            expected_origin=place.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        return found.new_sign_count

    return _believed(check)


def _believed(check: Callable[[], _Found]) -> _Found:
    """What a check finds; whatever else comes of a stranger's bytes is that it does not hold."""
    try:
        return check()
    except Exception as error:  # noqa: BLE001  # parsers of CBOR, JSON, keys: any failure is a refusal
        raise NotShown(f"the passkey does not hold ({type(error).__name__})") from None


def _whole(text: str) -> str:
    if len(text) > _MOST_TEXT or not isinstance(json.loads(text), dict):
        raise NotShown
    return text


def _require_own_page(client_data: bytes) -> None:
    """INVARIANT: no frame in another site's page: it could have somebody sign without knowing where."""
    if parse_client_data_json(client_data).cross_origin:
        raise NotShown


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.replace(".", "").isdigit()
    return True
