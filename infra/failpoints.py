"""Failpoints: named places where a test makes the process die, hang or raise. They cost nothing when off.

`HUBBUB_FAILPOINT=name:n:action` acts on the n-th pass of the named place: `kill` (SIGKILL to itself), `stop` (SIGSTOP:
the whole process stands still until somebody lets it go on), `hang` (this thread sleeps for an hour) or `raise`
(OSError). Only `arm` reads the environment, called once at start.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping

NAMES = (
    "after_poll", "after_infer", "after_state", "after_produce", "after_send_offsets", "during_end_transaction",
    "after_commit", "during_flush", "during_restore", "during_revoke", "in_dead_letter",
)  # fmt: skip

ACTIONS = ("kill", "stop", "hang", "raise")

_armed: dict[str, tuple[int, str]] = {}
_passed: dict[str, int] = {}


def arm(environment: Mapping[str, str]) -> None:
    """Switch on what `HUBBUB_FAILPOINT` names; ValueError if it is not `name:n:ACTION` of a known name."""
    _armed.clear()
    _passed.clear()
    text = environment.get("HUBBUB_FAILPOINT", "")
    if not text:
        return
    name, _, rest = text.partition(":")
    count, _, action = rest.partition(":")
    if name not in NAMES or not count.isdigit() or action not in ACTIONS:
        raise ValueError(
            f"HUBBUB_FAILPOINT: expected name:n:{'|'.join(ACTIONS)} with a name of {', '.join(NAMES)}, got {text!r}"
        )
    _armed[name] = (int(count), action)


def failpoint(name: str) -> None:
    """Pass the place called `name`; act if it was armed and this is the pass it was armed for."""
    if not _armed:
        return
    if name in _armed:
        _passed[name] = _passed.get(name, 0) + 1
        count, action = _armed[name]
        if _passed[name] == count:
            _act(name, action)


def _act(name: str, action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    if action == "hang":
        time.sleep(3600)
    raise OSError(f"failpoint {name}")
