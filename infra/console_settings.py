"""The settings of the console: section `[console]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from infra.secret import Secret


class ConsoleSection(Struct, frozen=True, forbid_unknown_fields=True):
    """Where `hubbub console` listens, and who may log in. Without a token it makes one up each time it starts."""

    host: Annotated[
        str, Meta(min_length=1, description="the address to listen on; one that others can reach needs a token")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="the port to listen on; 0: a free one")] = 8585
    token: Annotated[Secret | None, Meta(description="what people log in with")] = None
    token_file: Annotated[str, Meta(description="a file that holds the token alone")] = ""
    reports: Annotated[
        str,
        Meta(
            description="a folder of replay reports to show: `report.html` in it, or in the folders in it; empty: none"
        ),
    ] = ""
