"""`make chaos` in small (R1): two workers killed over two partitions that become three; judged from outside."""

from __future__ import annotations

from pathlib import Path

from infra.local.kafka import LocalKafka
from tests.chaos import EMBEDDED, SEED
from tests.chaos_kills import kills


def test_killed_workers_leave_no_trace(kafka: LocalKafka, tmp_path: Path) -> None:
    result = kills(kafka, EMBEDDED, tmp_path / "job", lines=2_000, kills=3, seed=SEED, pause_s=0.5)
    print(result.line())
    assert result.verdict["in"] == 2_004  # four more, to see that both are at work
    assert result.exactly_once, result.verdict
    assert result.own_exits == 0
