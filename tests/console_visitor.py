"""A browser without a screen: cookies, forms and pages over a real socket, and a device that shows codes."""

from __future__ import annotations

import base64
import html
import http.client
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from countenance.accounts import Actor
from countenance.cli.installation import open_store
from countenance.console.once import new_mark
from countenance.settings import Settings
from governed import open_governance

PASSWORD = "correct horse battery staple"
_ON_THE_WAY_S = 10.0
"""From a code that is shown to the server's look at it."""
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


@dataclass
class Page:
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def text(self) -> str:
        """What a reader sees, without tags."""
        return html.unescape(re.sub(r"<[^>]+>", " ", self.body))


@dataclass
class Visitor:
    """One browser. `headers` go with every request."""

    endpoint: str
    cookie: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).netloc

    @property
    def prefix(self) -> str:
        """Of our cookies' names: over TLS, which a proxy in front of us may end, there is one."""
        is_tls = self.headers.get("x-forwarded-proto") == "https" or self.endpoint.startswith("https:")
        return "__Host-" if is_tls else ""

    @property
    def cookie_name(self) -> str:
        """Of the session's."""
        return f"{self.prefix}countenance-console"

    def get(self, path: str, **headers: str) -> Page:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, fields: dict | None = None, *, token: bool = True, **headers: str) -> Page:
        """A form as our own page would send it; `token`: with that of this session."""
        values = dict(fields or {})
        if token and self.cookie:
            if "form_token" not in values:
                values["form_token"] = self.token()
            values.setdefault("form_once", new_mark(self.cookie))
        given = {
            "content-type": "application/x-www-form-urlencoded",
            "origin": self.endpoint,
            "sec-fetch-site": "same-origin",
        }
        return self.ask("POST", path, urlencode(values, doseq=True).encode(), headers=given | headers)

    def upload(self, path: str, fields: dict[str, str], files: dict[str, bytes]) -> Page:
        """A form with files."""
        mark = "----countenance-test"
        parts = [
            f'--{mark}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in ({"form_token": self.token()} | fields).items()
        ]
        parts += [
            f'--{mark}\r\ncontent-disposition: form-data; name="{name}"; filename="a.jpg"\r\n'
            "content-type: image/jpeg\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, content in files.items()
        ]
        body = b"".join([*parts, f"--{mark}--\r\n".encode()])
        given = {"content-type": f"multipart/form-data; boundary={mark}", "sec-fetch-site": "same-origin"}
        return self.ask("POST", path, body, headers=given)

    def token(self) -> str:
        found = _TOKEN.search(self.get("/console").body)
        assert found, "the overview has a form"
        return found.group(1)

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Page:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        sent = {"host": self.host} | self.headers | (headers or {})
        if self.cookie:
            sent.setdefault("cookie", f"{self.cookie_name}={self.cookie}")
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            page = Page(answer.status, told, answer.read().decode())
        finally:
            connection.close()
        if (set_cookie := told.get("set-cookie", "")).startswith(f"{self.cookie_name}="):
            self.cookie = set_cookie.partition("=")[2].partition(";")[0] or None
        return page


@dataclass
class Device:
    """What shows one-time codes; a code counts once, so the next one is waited for."""

    secret: bytes
    last_step: int = 0

    def code(self) -> str:
        """A code that has not been shown before: of the next step, if need be, which counts already."""
        # The step before counts too, and one that is about to count no longer is not shown.
        step = max(int(time.time() + _ON_THE_WAY_S) // 30 - 1, self.last_step + 1)
        while step > int(time.time()) // 30 + 1:
            time.sleep(0.2)
        self.last_step = step
        return TOTP(self.secret, 6, SHA1(), 30).generate(step * 30).decode()


@dataclass
class Member:
    """Somebody who works for an account and can sign in."""

    account: str
    name: str
    device: Device

    def signed_in(self, endpoint: str) -> Visitor:
        visitor = Visitor(endpoint)
        page = visitor.post("/console/sign-in", self.fields())
        assert (page.status, page.headers.get("location")) == (303, "/console"), page.text
        return visitor

    def fields(self) -> dict[str, str]:
        return {
            "account": self.account,
            "name": self.name,
            "password": PASSWORD,
            "one_time_code": self.device.code(),
        }


def make_member(service, account: str, name: str, *roles: str) -> Member:
    """Somebody new, invited, with a password: the invitation is taken up over the page, as people do."""
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, keys):
        operators = open_governance(database, keys).operators
        operators.put(account, name, roles, actor=Actor("test"))
        code = operators.invite(account, name, actor=Actor("test")).code
    visitor = Visitor(service.endpoint)
    page = visitor.post("/console/invitation", {"code": code})
    secret = re.search(r'class="secret"><code>([A-Z2-7]+=*)<', page.body)
    assert secret, page.text
    device = Device(base64.b32decode(secret.group(1)))
    fields = {"code": code, "password": PASSWORD, "again": PASSWORD, "one_time_code": device.code()}
    page = visitor.post("/console/invitation", fields)
    assert (page.status, "Your password is set" in page.text) == (200, True), page.text
    return Member(account, name, device)


def make_officer(service, house: str, name: str) -> None:
    """Name somebody an officer of the house, as is done on the server's machine."""
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, keys):
        open_governance(database, keys).officers.add(house, name, "officer", actor=Actor("test"))


@contextmanager
def planted_trial(service, house: str, portraits) -> Iterator[tuple[str, tuple[str, str, str], Any]]:
    """A pair of one man, of which it is known that it is one, in a collection that keeps crops.

    The review's id, what examiners must not see, and a client of the administrator who planted it.
    """
    client = service.client()
    administrator = service.make_operator(house, f"Planter {uuid.uuid4().hex[:6]}", "administrator")
    name = f"crops-{uuid.uuid4().hex[:8]}"
    client.create_collection(CollectionId=name, Tags={"countenance:vault-days": "30"})
    paths = max(portraits.known.values(), key=len)[:2]
    faces = [
        client.index_faces(CollectionId=name, Image={"Bytes": path.read_bytes()}, ExternalImageId="the-man")
        for path in paths
    ]
    probe, other = (each["FaceRecords"][0]["Face"]["FaceId"] for each in faces)
    planting = service.client("countenance", **administrator)
    asked = {"CollectionId": name, "Purpose": "development", "ProbeFaceId": probe}
    review = planting.plant_trial(**asked, Pairs=[{"FaceId": other, "Mated": True}])["ReviewId"]
    try:
        yield review, (name, probe, other), planting
    finally:
        client.delete_collection(CollectionId=name)
