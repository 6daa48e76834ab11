"""Flink's own interface over HTTP: which jobs run, how their checkpoints go, savepoints, ending a job.

Reads and writes JSON. Raises FlinkRefused for an answer that is none of the expected, BrokerUnavailable never: Flink is
asked again as long as the caller waits.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.request
from contextlib import suppress
from typing import Any

LOOK_S = 0.2
TIMEOUT_S = 60.0
SAVEPOINT_S = 120.0
_ALIVE = ("INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING", "CANCELLING", "SUSPENDED", "RECONCILING")


class FlinkRefused(RuntimeError):
    """Flink did not do what it was asked for: says what it answered."""


class FlinkJobs:
    """The jobs of the Flink at `address` (http://HOST:PORT)."""

    def __init__(self, address: str) -> None:
        self.address = address

    def find(self, name: str) -> str:
        """Return the id of the newest job of this name; FlinkRefused when there is none."""
        jobs = [one for one in self._ask("/jobs/overview")["jobs"] if one["name"] == name]
        if not jobs:
            raise FlinkRefused(f"Flink at {self.address} knows no job {name}")
        return str(max(jobs, key=lambda one: one["start-time"])["jid"])

    def state(self, job: str) -> str:
        """Return how a job is: RUNNING, RESTARTING, FAILED, CANCELED, FINISHED, ..."""
        return str(self._ask(f"/jobs/{job}")["state"])

    def checkpoints(self, job: str) -> dict[str, Any]:
        """Return counts and the latest checkpoints of a job, as Flink says."""
        found: dict[str, Any] = self._ask(f"/jobs/{job}/checkpoints")
        return found

    def savepoint_and_end(self, name: str) -> str:
        """Keep a job's state, end the job, and return where its state lies.

        A job that is just starting cannot be kept yet, so what Flink refuses is asked for again for a while.
        """
        job = self.find(name)
        deadline = time.monotonic() + SAVEPOINT_S
        while True:
            operation = self._operation(job, deadline)
            if "location" in operation:
                break
            if time.monotonic() > deadline or self.state(job) not in _ALIVE:
                cause = operation.get("failure-cause", {}).get("stack-trace", str(operation)).splitlines()[0]
                raise FlinkRefused(f"no savepoint of {name}: {cause}")
            time.sleep(LOOK_S)
        # With its last job a local Flink ends too, and answers no more.
        with suppress(FlinkRefused):
            while self.state(job) in _ALIVE and time.monotonic() < deadline:
                time.sleep(LOOK_S)
        return str(operation["location"])

    def _operation(self, job: str, deadline: float) -> dict[str, Any]:
        """Ask for a savepoint and wait for the answer, whatever it is."""
        request = self._ask(f"/jobs/{job}/savepoints", {"cancel-job": True})["request-id"]
        while (answer := self._ask(f"/jobs/{job}/savepoints/{request}"))["status"]["id"] != "COMPLETED":
            if time.monotonic() > deadline:
                raise FlinkRefused(f"expected a savepoint of {job} within {SAVEPOINT_S:.0f} s, got {answer}")
            time.sleep(LOOK_S)
        operation: dict[str, Any] = answer["operation"]
        return operation

    def _ask(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}{path}", data, headers)  # noqa: S310 - http, from our settings
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise FlinkRefused(f"Flink at {self.address} does not answer: {error}") from error
