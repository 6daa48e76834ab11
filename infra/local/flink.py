"""Beam's job server for Apache Flink on this machine, from Python packages alone; with `[local]`, Flink inside it.

Needs the extra `kafka-dev`, as the local Kafka does: Java comes in a wheel, the jars by their Maven coordinates. The
server listens on the loopback, has its files in `directory`, and dies with the process that started it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from infra.local.flink_jobs import FlinkJobs, FlinkRefused
from infra.local.java_jars import cache_folder, class_path, jars, java
from infra.local.kafka import free_ports

# The newest of Beam's Flink runners whose jars resolve together; Beam's Python 2.77 speaks with it (docs/beam.md).
COORDINATES = "org.apache.beam:beam-runners-flink-1.19:2.62.0+org.slf4j:slf4j-simple:1.7.36"
MAIN = "org.apache.beam.runners.flink.FlinkJobServerDriver"
HOST = "127.0.0.1"
LOCAL = "[local]"
START_TIMEOUT_S = 90.0
_LOOK_AGAIN_S = 0.1
_TAIL_CHARACTERS = 2000

# Flink 1.19 was made for Java 17; what it opens by reflection must be named for a newer one.
_OPEN = ("java.lang", "java.lang.invoke", "java.lang.reflect", "java.net", "java.nio", "java.time", "java.util",
         "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch")  # fmt: skip
# Waits until its standard input ends, which is when its parent has died in whatever way, then ends the server.
_WATCH = 'read -r line; kill -9 "$1"'


class FlinkStartFailed(RuntimeError):
    """The job server did not come up: says how it ended, and where its log is."""


def latest_state(directory: Path) -> str | None:
    """Return the newest complete checkpoint or savepoint that a Flink with its files in `directory` kept, if any."""
    found = [*directory.glob("checkpoints/*/chk-*/_metadata"), *directory.glob("savepoints/*/_metadata")]
    newest = max(found, key=lambda one: one.stat().st_mtime_ns, default=None)
    return None if newest is None else f"file://{newest.parent.absolute()}"


class LocalFlink:
    """A job server; a context manager.

    `master`: a Flink cluster's HOST:PORT, or `[local]` for one inside the server, whose jobs end with it. `settings`
    stand over Flink's own (flink-conf.yaml); `savepoint` is where the next job goes on.
    """

    def __init__(
        self,
        directory: Path,
        *,
        master: str = LOCAL,
        settings: Mapping[str, str] | None = None,
        savepoint: str | None = None,
        memory_mb: int = 768,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.master = master
        self._given = dict(settings or {})
        self._savepoint = savepoint
        self._memory_mb = memory_mb
        self._announce = announce
        self._job_port, self._artifact_port, self.rest_port = free_ports(3)
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where jobs are submitted."""
        return f"localhost:{self._job_port}"

    @property
    def rest(self) -> str:
        """Where Flink's own interface is: the cluster's, or that of the one inside the server."""
        return f"http://{HOST}:{self.rest_port}" if self.master == LOCAL else f"http://{self.master}"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.directory / "flink.log"

    def __enter__(self) -> LocalFlink:
        self.directory.mkdir(parents=True, exist_ok=True)
        program = java()
        path = class_path(jars(COORDINATES, cache=cache_folder(os.environ), announce=self._announce))
        configuration = self.directory / "conf"
        configuration.mkdir(exist_ok=True)
        lines = [f"{name}: {value}\n" for name, value in self._settings().items()]
        (configuration / "flink-conf.yaml").write_text("".join(lines), encoding="utf-8")
        options = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPEN]
        options += [
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        ]
        command = [str(program), f"-Xmx{self._memory_mb}m", "-XX:+UseSerialGC", *options, "-cp", path, MAIN]
        command += ["--flink-master", self.master, "--flink-conf-dir", str(configuration)]
        command += ["--job-host", "localhost", "--job-port", str(self._job_port)]
        command += ["--artifact-port", str(self._artifact_port), "--expansion-port", "-1"]
        command += ["--artifacts-dir", str(self.directory / "artifacts"), "--clean-artifacts-per-job"]
        environment = {key: value for key, value in os.environ.items() if key not in ("JAVA_TOOL_OPTIONS", "CLASSPATH")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
            )
        self._watcher = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _WATCH, "sh", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._await()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def savepoint_and_end(self, name: str) -> str:
        """Keep a job's state, end the job, and return where its state lies.

        A Flink inside the server ends with its job, perhaps before it could answer; then the savepoint is there.
        """
        began_ns = time.time_ns()
        try:
            return FlinkJobs(self.rest).savepoint_and_end(name)
        except FlinkRefused:
            kept = [*self.directory.glob("savepoints/*/_metadata")]
            new = [one for one in kept if one.stat().st_mtime_ns >= began_ns]
            if self.master != LOCAL or not new:
                raise
            return f"file://{new[0].parent}"

    def kill(self) -> None:
        """End the server, and with `[local]` Flink, as a power cut would."""
        self._end()

    def complaint(self) -> str:
        """Return the end of the server's log."""
        return self.log.read_text(errors="replace")[-_TAIL_CHARACTERS:] if self.log.exists() else ""

    def _settings(self) -> dict[str, str]:
        files = f"file://{self.directory}"
        settings = {
            "rest.port": str(self.rest_port),
            "rest.bind-address": HOST,
            "rest.address": HOST,
            "taskmanager.numberOfTaskSlots": "4",
            "taskmanager.memory.network.min": "32m",
            "taskmanager.memory.network.max": "32m",
            "taskmanager.memory.managed.size": "16m",
            "state.backend.type": "hashmap",
            "state.checkpoints.dir": f"{files}/checkpoints",
            "state.savepoints.dir": f"{files}/savepoints",
            "io.tmp.dirs": str(self.directory),
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "10",
            "restart-strategy.fixed-delay.delay": "1 s",
        }
        if self._savepoint is not None:
            settings["execution.savepoint.path"] = self._savepoint
        return {**settings, **self._given}

    def _await(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            assert self._process is not None
            if (status := self._process.poll()) is not None:
                raise FlinkStartFailed(f"Flink's job server ended with status {status}: {self.complaint()}")
            with socket.socket() as one:
                one.settimeout(1.0)
                if one.connect_ex(("localhost", self._job_port)) == 0:
                    return
            if time.monotonic() > deadline:
                raise FlinkStartFailed(
                    f"expected Flink's job server at {self.endpoint} within {START_TIMEOUT_S:.0f} s, got no answer; "
                    f"its log is {self.log}: {self.complaint()}"
                )
            time.sleep(_LOOK_AGAIN_S)

    def _end(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._watcher is not None:
            # The watcher goes before its input is closed, else it would kill a process id that is free again.
            self._watcher.kill()
            self._watcher.wait()
            assert self._watcher.stdin is not None
            self._watcher.stdin.close()
            self._watcher = None
        shutil.rmtree(self.directory / "artifacts", ignore_errors=True)
