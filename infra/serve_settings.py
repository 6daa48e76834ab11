"""The settings of the HTTP API: section `[serve]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from infra.listening_settings import ListeningSection, Port
from infra.secret import Secret


class ServeSection(ListeningSection, frozen=True, forbid_unknown_fields=True):
    """Where `hubbub serve` listens, and who may ask. Without a token only this machine is served, and only to read."""

    port: Port = 8484
    token: Annotated[Secret | None, Meta(description="what requests must bring to read or change anything")] = None
