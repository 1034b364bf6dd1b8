"""An OpenID provider of the tests' own over a real socket, which says what a test has it say."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT, SECRET = "console", "a secret of forty characters or so, really"


class Provider:
    """`claims` and `signed` say what its token is."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.claims: dict[str, Any] = {}
        self.signed: tuple[Any, str, str] = (self.rsa, "RS256", "one")
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, bytes, str]] = []
        self.server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, nonce: str) -> str:
        now = int(time.time())
        told = {"iss": self.issuer, "aud": CLIENT, "sub": "ada-1", "nonce": nonce}
        told |= {"iat": now, "exp": now + 60}
        told = {name: value for name, value in (told | self.claims).items() if value is not None}
        key, algorithm, kid = self.signed
        return jwt.encode(told, key, algorithm=algorithm, headers={"kid": kid})

    def answer(self, path: str) -> Any:
        keys = [
            json.loads(RSAAlgorithm.to_jwk(self.rsa.public_key())) | {"kid": "one", "use": "sig"},
            json.loads(ECAlgorithm.to_jwk(self.ec.public_key())) | {"kid": "two", "use": "sig"},
        ]
        usual = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            },
            "/keys": {"keys": keys},
        }
        return (usual | self.answers).get(path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("content-length", "0"))
                given = self.rfile.read(size), self.headers.get("authorization", "")
                provider.asked.append((self.path, *given))
                told = provider.answer(self.path)
                body = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(200 if told is not None else 404)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                return

        return Handler
