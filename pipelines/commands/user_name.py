"""Who types: the name that is written down with what a person does."""

from __future__ import annotations


def user_name() -> str:
    """Return the user's name; "somebody" where the system knows none."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "somebody"
