"""The settings of the console: section `[console]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from infra.listening_settings import ListeningSection, Port
from infra.secret import Secret


class ConsoleSection(ListeningSection, frozen=True, forbid_unknown_fields=True):
    """Where `hubbub console` listens, and who may log in. Without a token it makes one up each time it starts."""

    port: Port = 8585
    token: Annotated[Secret | None, Meta(description="what people log in with")] = None
    reports: Annotated[
        str,
        Meta(
            description="a folder of replay reports to show: `report.html` in it, or in the folders in it; empty: none"
        ),
    ] = ""
