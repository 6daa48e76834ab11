"""The first lines of the process that runs other code: which folder each package comes from.

Called as `python -I -B start.py ROOT OURS FOLDER`: ROOT is the other code, OURS the hubbub that asks, FOLDER what they
exchange. Imports nothing but the standard library before the paths are set. A ROOT with hubbub's packages brings all of
them; one without (a user's own pipelines) stands behind ours, so that a folder `models` in it shadows nothing.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from pathlib import Path

PACKAGES = ("schemas", "models", "operators", "infra", "pipelines")


def is_hubbub(root: Path) -> bool:
    """Whether a folder holds hubbub's own packages."""
    return all((root / name / "__init__.py").is_file() for name in ("schemas", "pipelines"))


def main(root: Path, ours: Path, folder: Path) -> None:
    """Set the paths, make sure that they hold, and go to work."""
    threading.Thread(target=_die_with_the_parent, name="parent", daemon=True).start()
    # What both need from others (pyarrow, onnxruntime) comes from where it always does.
    sys.path[:] = [str(root), *sys.path] if is_hubbub(root) else [str(ours), *sys.path, str(root)]
    home = root if is_hubbub(root) else ours
    for name in PACKAGES:
        found = Path(importlib.import_module(name).__file__ or "").resolve()
        if not found.is_relative_to(home):
            sys.exit(f"expected the package {name} in {home}, got it from {found.parent}")
    package = importlib.import_module("pipelines.replay")
    # Code from before there was this exchange borrows it from us, and nothing that it has itself.
    package.__path__.append(str(ours / "pipelines" / "replay"))
    importlib.import_module("pipelines.replay.elsewhere.work").work(folder)


def _die_with_the_parent() -> None:
    """End when the parent does, however it ended: then nobody holds the other end of the pipe."""
    while os.read(0, 1):  # not by sys.stdin, whose lock a daemon thread would hold while the interpreter ends
        pass
    os._exit(1)


if __name__ == "__main__":
    main(*(Path(one).resolve() for one in sys.argv[1:4]))
