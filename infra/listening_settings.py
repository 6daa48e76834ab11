"""The settings of whatever listens for HTTP: where, and by which token; those of sections `[serve]` and `[console]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from infra.secret import Secret

LEAST_TOKEN = 16
Port = Annotated[int, Meta(ge=0, le=65535, description="the port to listen on; 0: a free one")]


class ListeningSection(Struct, frozen=True, forbid_unknown_fields=True):
    """Where something listens, and by which token one may ask it; sections give ports and say what a token is for."""

    host: Annotated[
        str, Meta(min_length=1, description="the address to listen on; one that others can reach needs a token")
    ] = "127.0.0.1"
    port: Port = 0
    token: Annotated[Secret | None, Meta(description="what who asks must bring")] = None
    token_file: Annotated[str, Meta(description="a file that holds the token alone")] = ""


class WrongToken(ValueError):
    """A token that is none, or none where one is needed."""


def token_of(section: ListeningSection, name: str) -> Secret | None:
    """Return the token of the section of this name, if there is one; WrongToken says what is wrong with it."""
    token = section.token
    if token is None and section.token_file:
        try:
            text = Path(section.token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no UTF-8"
            raise WrongToken(f"{name}.token_file: expected a readable file, got {section.token_file}: {why}") from error
        token = Secret(text, section.token_file)
    if token is not None and len(token.reveal()) < LEAST_TOKEN:
        raise WrongToken(f"expected a token of at least {LEAST_TOKEN} characters from {token!r}, got a shorter one")
    if token is None and section.host not in ("127.0.0.1", "::1", "localhost"):
        raise WrongToken(
            f"{name}.host: others can reach {section.host}, so expected a token in HUBBUB_{name.upper()}_TOKEN or in "
            f"the file that {name}.token_file names"
        )
    return token
