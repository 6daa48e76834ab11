"""Tokens for OAUTHBEARER: from the environment, from a file that somebody renews, or from a token server (OIDC)."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from kafka.net.sasl.oauth import AbstractTokenProvider

from infra.broker import BrokerRefused
from infra.settings import WrongSetting

if TYPE_CHECKING:
    from infra.kafka.connection import KafkaConnection

TIMEOUT_S = 10.0
# A token is renewed when less than this is left of it, so that none expires on its way.
RENEW_BEFORE_S = 30.0
MOST_BYTES = 1 << 20


def token_provider(connection: KafkaConnection) -> AbstractTokenProvider:
    """Return what kafka-python asks for a token at each new connection."""
    section = connection.section
    if section.oauth_token is not None:
        secret = section.oauth_token
        return _Provider(secret.reveal)
    if section.oauth_token_file:
        path = Path(section.oauth_token_file)
        return _Provider(lambda: path.read_text(encoding="ascii").strip())
    return _Provider(TokenServer(connection).token)


class TokenServer:
    """Asks a token server for tokens of this client (grant `client_credentials`) and keeps one until it grows old."""

    def __init__(self, connection: KafkaConnection) -> None:
        section = connection.section
        self._url = section.oauth_token_url
        host = urllib.parse.urlsplit(self._url)
        if host.scheme != "https" and not (host.scheme == "http" and section.insecure):
            raise WrongSetting(f"kafka.oauth_token_url: expected https://..., got {self._url!r}")
        basic = f"{urllib.parse.quote(section.username)}:{urllib.parse.quote(connection.password())}".encode()
        self._headers = {"Authorization": f"Basic {base64.b64encode(basic).decode()}", "Accept": "application/json"}
        form = {"grant_type": "client_credentials"} | ({"scope": section.oauth_scope} if section.oauth_scope else {})
        self._body = urllib.parse.urlencode(form).encode()
        self._token = ""
        self._until = 0.0
        self._asking = threading.Lock()

    def token(self) -> str:
        """Return a token that is still valid for a while."""
        with self._asking:
            if time.monotonic() >= self._until:
                self._ask()
            return self._token

    def _ask(self) -> None:
        request = urllib.request.Request(self._url, self._body, self._headers)  # noqa: S310 - https, see above
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                told = json.loads(answer.read(MOST_BYTES))
            self._token = str(told["access_token"])
            self._until = time.monotonic() + float(told.get("expires_in", 300)) - RENEW_BEFORE_S
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BrokerRefused(f"expected a token from {self._url}, got: {type(error).__name__}: {error}") from None


class _Provider(AbstractTokenProvider):  # type: ignore[misc] # kafka-python has no types
    def __init__(self, source: object) -> None:
        super().__init__()
        self._source = source

    def token(self) -> str:
        return self._source()  # type: ignore[operator,no-any-return]
