"""Other code: a checkout's folder, or a wheel that is unpacked into one."""

from __future__ import annotations

import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.bad_input import BadInput
from pipelines.replay.elsewhere.start import is_hubbub

_GIT_S: Final = 10.0
_EXPECTED: Final = "expected a checkout's folder or a .whl"


@dataclass(frozen=True)
class Code:
    """`root` is what goes on the path; `name` what a person calls it, the same wherever a wheel was unpacked."""

    root: Path
    name: str

    def __str__(self) -> str:
        return self.name


def code_at(path: Path, option: str, folder: Path) -> Code:
    """Return the code at a path that a person named; a wheel is unpacked into `folder`.

    BadInput for what is neither a wheel nor a folder with Python in it. A checkout's name carries its commit, with a
    `+` when files differ from it.
    """
    if path.is_dir():
        root = path.resolve()
        # Many keep their packages in src/.
        root = root / "src" if not _holds_python(root) and _holds_python(root / "src") else root
        if not _holds_python(root):
            raise BadInput(f"{option}: {_EXPECTED}, got a folder without any Python in it: {path}")
        return Code(root, path.resolve().name + _commit(root))
    if not path.is_file():
        raise BadInput(f"{option}: {_EXPECTED}, got {str(path)!r}, which is not there")
    if path.suffix != ".whl" or not zipfile.is_zipfile(path):
        raise BadInput(f"{option}: {_EXPECTED}, got {path}")
    with zipfile.ZipFile(path) as wheel:
        wheel.extractall(folder)
    return Code(folder.resolve(), path.name)


def _holds_python(folder: Path) -> bool:
    return is_hubbub(folder) or any(folder.glob("*.py")) or any(folder.glob("*/__init__.py"))


def _commit(root: Path) -> str:
    """Return " (1a2b3c4)" for a git checkout, nothing for what is none, or where there is no git."""
    try:
        said = [
            subprocess.run(  # noqa: S603 - no shell, and the folder is an argument of its own
                ["git", "-C", str(root), *arguments],  # noqa: S607 - the git on the path
                capture_output=True,
                text=True,
                timeout=_GIT_S,
                check=True,
            ).stdout.strip()
            for arguments in (
                ["rev-parse", "--show-toplevel"],
                ["rev-parse", "--short=10", "HEAD"],
                ["status", "--porcelain", "--untracked-files=no"],
            )
        ]
    except (OSError, subprocess.SubprocessError):
        return ""
    top, commit, changes = said
    if Path(top).resolve() not in (root, root.parent):  # a copy that lies within somebody else's checkout
        return ""
    return f" ({commit}{'+' if changes else ''})"
