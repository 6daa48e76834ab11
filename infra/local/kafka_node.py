"""One broker process of a local Kafka: started, stopped, killed, paused; it dies with the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

STOP_TIMEOUT_S = 30.0
_MOST_COMPLAINTS = 4

# One compiler tier and one collector thread: a broker is up in half the time and stays small.
JVM_OPTIONS = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)
# Waits until its standard input ends, which is when its parent has died in whatever way, then ends the broker.
_WATCH = 'read -r line; kill -9 "$1"'


class KafkaNode:
    """A broker's process, its files in `directory` (settings, data, log)."""

    def __init__(self, java: Path, class_path: str, directory: Path) -> None:
        self._java = java
        self._class_path = class_path
        self.directory = directory
        self.log = directory / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the broker was started and not stopped."""
        return self._process.pid if self._process is not None else None

    def format(self, cluster_id: str) -> subprocess.Popen[bytes] | None:
        """Begin to write the cluster's id into the data folder; None when it has one."""
        if (self.directory / "data" / "meta.properties").exists():
            return None
        return self._run("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._settings))

    def start(self) -> None:
        """Start the process; that it answers is for the caller to await."""
        if self._process is not None and self._process.poll() is None:
            return
        self._process = self._run("kafka.Kafka", str(self._settings))
        self._watcher = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _WATCH, "sh", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def died(self) -> int | None:
        """Return the exit status when the process has ended by itself."""
        return self._process.poll() if self._process is not None else None

    def stop(self) -> None:
        """Let the broker shut down in order; kill it when that takes too long."""
        if self._process is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
        self._reap()

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._reap()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the broker, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def pause(self) -> None:
        """Stop the broker's clock and return when it stands: its threads go on for a moment after the signal."""
        if self._process is not None:
            self.signal(signal.SIGSTOP)
            # One that has ended is left for `kill` to reap.
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def complaint(self) -> str:
        """Return what the broker's log says went wrong, without the stack traces."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        wrong = [one.strip() for one in lines if not one.startswith("\tat ") and ("ERROR" in one or "Exception" in one)]
        return "; ".join(wrong[-_MOST_COMPLAINTS:])

    @property
    def _settings(self) -> Path:
        return self.directory / "server.properties"

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                [str(self._java), *JVM_OPTIONS, "-cp", self._class_path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                # Ctrl-C in the terminal is for the parent, which then stops the broker in order.
                start_new_session=True,
                env={key: value for key, value in os.environ.items() if key not in ("JAVA_TOOL_OPTIONS", "CLASSPATH")},
            )

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
        if self._watcher is not None:
            # The watcher goes before its input is closed, else it would kill a process id that is free again.
            self._watcher.kill()
            self._watcher.wait()
            if self._watcher.stdin is not None:
                self._watcher.stdin.close()
            self._watcher = None
