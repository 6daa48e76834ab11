"""Real lines of eight systems, 2,000 each, from raw files through `produce` and the whole job to alerts."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from tests.data_sets import LOGHUB, data_set

SYSTEMS = ("Apache", "HDFS", "Linux", "Mac", "OpenSSH", "OpenStack", "Windows", "Zookeeper")
ROOT = Path(__file__).parents[2]


def hubbub(*arguments: str, timeout_s: float = 420) -> str:
    command = [sys.executable, "-m", "pipelines.command_line", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sixteen_thousand_real_lines_go_through_the_whole_job(tmp_path: Path) -> None:
    broker = f"sqlite:{tmp_path / 'hubbub.db'}"
    raw: Counter[str] = Counter()
    for system in SYSTEMS:
        path = data_set(LOGHUB) / system / f"{system}_2k.log"
        raw[system] = sum(
            bool(line.strip()) for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        )
        hubbub(
            *("produce", "device.logs", str(path), "--format", "lines", "--year", "2025"),
            *("--device", system.lower(), "--timezone", "UTC", "--broker", broker),
        )
    hubbub("run", "logs", "alerts", "--until-end", "--broker", broker)
    with SqliteBroker(tmp_path / "hubbub.db") as opened:
        counts = {
            topic: sum(opened.bounds(TopicPartition(topic, partition))[1] for partition in range(8))
            for topic in ("device.logs", "device.logs.enriched", "dead.letters", "alerts")
        }
        rows = [
            orjson.loads(record.value or b"")
            for partition in range(8)
            for record in opened.read(
                TopicPartition("device.logs.enriched", partition), 0, max_records=100_000, max_bytes=1 << 30
            )
        ]
    assert counts["dead.letters"] == 0
    assert counts["device.logs"] == counts["device.logs.enriched"] == len(rows) == sum(raw.values())
    assert all(row["hubbub"]["template"] for row in rows)
    assert all(0 <= row["hubbub"]["novelty"] <= 1 for row in rows)
    assert all(row["hubbub"]["abnormal"]["label"] in ("true", "false") for row in rows)
    templates = {row["hubbub"]["template_id"] for row in rows}
    assert len(templates) < len(rows) / 4, "lines of one kind should share a template"
    print(f"{len(rows)} lines, {len(templates)} templates, {counts['alerts']} alert changes")
