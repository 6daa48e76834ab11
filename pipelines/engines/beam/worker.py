"""A worker process of Beam's local runner: `python -m pipelines.engines.beam.worker`, started by the runner itself.

As Beam's own (apache_beam.runners.worker.sdk_worker_main), but quiet on stderr, for what it has to say goes to the
runner; and deaf to Ctrl-C, which the terminal sends to every process: the job ends its workers behind a whole step.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys


def command() -> str:
    """Return the shell command that starts a worker which imports what this process imports."""
    places = os.pathsep.join(place for place in sys.path if place)
    return (
        f"PYTHONPATH={shlex.quote(places)} exec {shlex.quote(sys.executable)} -P -W ignore "
        "-m pipelines.engines.beam.worker"
    )


def main() -> None:
    """Work until the runner hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger().addHandler(logging.NullHandler())  # or Beam would make one that writes to stderr
    from apache_beam.runners.worker import sdk_worker_main  # seconds, and Ctrl-C comes before them

    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
