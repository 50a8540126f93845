"""A small OpenID provider on the loopback: discovery, authorization code with PKCE, signed ID tokens, the user's claims.

It lets in at once whoever `person` says, and can be told to lie.
"""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tidemark.local import ports

CLIENT = "airflow"


class Provider:
    """What it says of whom; a test changes it as it goes.

    Args:
        issuer: its address.
        secret: what it shares with the client.
    """

    def __init__(self, issuer: str, secret: str) -> None:
        self.issuer, self.secret = issuer, secret
        self.key = RSAKey.generate_key(2048, parameters={"kid": "1"})
        self.others_key = RSAKey.generate_key(2048, parameters={"kid": "1"})
        self.person: dict[str, Any] = {}
        self.told_if_asked: dict[str, Any] = {}
        self.lie: dict[str, Any] = {}
        self.signs_with = self.key
        self.asked: dict[str, dict[str, str]] = {}

    def id_token(self, asked: dict[str, str]) -> str:
        """Of whom `person` says, with whatever lie."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        header = {"alg": "RS256", "kid": "1"}
        return jwt.encode(header, claims | {"sub": "1"} | self.person | self.lie, self.signs_with)

    def answer(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, dict[str, Any] | str]:
        """(status, JSON or where to go)."""
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            places = {name: f"{self.issuer}/{end}" for name, end in ends.items()}
            places |= {"userinfo_endpoint": f"{self.issuer}/userinfo"}
            return 200, {"issuer": self.issuer, "id_token_signing_alg_values_supported": ["RS256"], **places}
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        if path == "/authorize":
            code = f"code-{len(self.asked)}"
            self.asked[code] = query
            return 302, f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        if path == "/token":
            asked = self.asked.pop(query["code"])
            known = base64.b64encode(f"{CLIENT}:{self.secret}".encode()).decode()
            proof = hashlib.sha256(query["code_verifier"].encode()).digest()
            same = base64.urlsafe_b64encode(proof).rstrip(b"=").decode() == asked["code_challenge"]
            if headers["authorization"] != f"Basic {known}" or not same:
                return 401, {"error": "invalid_client"}
            return 200, {"access_token": "of-ann", "token_type": "Bearer", "id_token": self.id_token(asked)}
        if path == "/userinfo" and headers["authorization"] == "Bearer of-ann":
            return 200, {"sub": "1"} | self.told_if_asked
        return 404, {}


@contextmanager
def openid_provider(secret: str) -> Iterator[Provider]:
    """One at work, for the length of the block."""
    port = ports.free_port()
    provider = Provider(f"http://{ports.LOOPBACK}:{port}", secret)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            sent = asked.query + ("&" + self.rfile.read(length).decode() if length else "")
            query = {name: values[0] for name, values in parse_qs(sent).items()}
            status, told = provider.answer(asked.path, query, self.headers)
            body = b"" if isinstance(told, str) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header(
                "location" if isinstance(told, str) else "content-type",
                told if isinstance(told, str) else "application/json",
            )
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer((ports.LOOPBACK, port), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
