"""How much memory a process took at most.

Read from the kernel's account of its address space: `ru_maxrss` would also count what the process that started it had,
which for a test's child is all that the tests before it left behind.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

LOOK_EVERY_S = 0.02


def peak_mib(process: int | str = "self") -> int:
    """Return the most memory that a process had at once, MiB; 0 when it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0][1]) // 1024 if lines else 0


def waited_for(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process and return the most memory it had at once, MiB."""
    most = 0
    while process.poll() is None:
        most = max(most, peak_mib(process.pid))
        time.sleep(LOOK_EVERY_S)
    return most
