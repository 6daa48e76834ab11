"""A secret: a text that no print, log, repr or pickle shows.

A pickle holds only the name of the environment variable that the secret came from; whoever unpickles it reads that
variable anew, in its own environment. So a job that travels to another process carries no password.
"""

from __future__ import annotations

import os


class SecretMissing(LookupError):
    """A secret travelled to a process whose environment does not hold it."""


class Secret:
    """A text to be shown to nobody. `variable` is the environment variable that it came from."""

    __slots__ = ("_text", "_variable")

    def __init__(self, text: str, variable: str) -> None:
        self._text = text
        self._variable = variable

    def reveal(self) -> str:
        """Return the text itself; call it only where it is handed to the library that needs it."""
        return self._text

    def __repr__(self) -> str:
        return f"<secret of {self._variable}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._variable)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return secret_of_variable, (self._variable,)


def secret_of_variable(variable: str) -> Secret:
    """Read a secret from this process's environment; SecretMissing names the variable."""
    text = os.environ.get(variable)
    if text is None:
        raise SecretMissing(f"expected the environment variable {variable} in this process too: secrets do not travel")
    return Secret(text, variable)
