"""The Python of the docs is run as it stands: a pipeline of one's own, built and run on the embedded broker."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import orjson
import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import find_pipeline
from pipelines.engines.embedded_engine import EmbeddedEngine
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.record import Append

DOCS = Path(__file__).parents[2] / "docs"


def python_blocks(page: str) -> list[str]:
    """Return the fenced Python of a page."""
    pieces = (DOCS / page).read_text(encoding="utf-8").split("```python\n")[1:]
    return [piece.split("```")[0] for piece in pieces]


def test_the_pipeline_of_ones_own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [source] = python_blocks("your-own-pipeline.md")
    (tmp_path / "shouting.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    pipeline = find_pipeline("shouting:SHOUTING")
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics([CUSTOMER_MESSAGES])
        texts = ["Help!!", "all is well", None]
        broker.append([Append("customer.messages", b"d1", orjson.dumps({"text": text})) for text in texts])
        EmbeddedEngine(broker).run([pipeline], until_end=True)
        records = broker.read(TopicPartition("acme.loudness", 1), 0, max_records=9, max_bytes=9999)
    assert [orjson.loads(record.value or b"").get("loudness") for record in records] == [2 / 6, 0.0, None]
    sys.modules.pop("shouting", None)
