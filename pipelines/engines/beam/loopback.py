"""Keeps the ports of Beam's local runner on the loopback; Beam opens them to every machine, without a password.

Whoever reaches such a port takes part in the job, and what travels there is code. Beam offers no setting for it, so the
two modules that open ports are given a `grpc` that knows better while a job runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

EVERYWHERE, HERE = "[::]:", "localhost:"


@contextmanager
def on_loopback() -> Iterator[None]:
    """Let servers that Beam's local runner starts within the block listen on this machine alone."""
    import grpc  # type: ignore[import-untyped]
    from apache_beam.runners.portability import local_job_service
    from apache_beam.runners.portability.fn_api_runner import worker_handlers

    def server(*arguments: Any, **named: Any) -> Any:
        made = grpc.server(*arguments, **named)
        opened = made.add_insecure_port
        made.add_insecure_port = lambda address: opened(str(address).replace(EVERYWHERE, HERE))
        return made

    here: Any = SimpleNamespace(**{**vars(grpc), "server": server})
    modules: tuple[Any, ...] = (local_job_service, worker_handlers)
    before = [module.grpc for module in modules]
    for module in modules:
        module.grpc = here
    try:
        yield
    finally:
        for module, old in zip(modules, before, strict=True):
            module.grpc = old
