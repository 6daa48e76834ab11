"""What a text model has done is counted: runs always, answers remembered where it remembers any."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.bundle import open_bundle
from models.loaded_text import LoadedText
from models.model_work import work_of
from tests.tiny_text_bundle import write_tiny_text_bundle


@pytest.mark.parametrize(("cache_bytes", "looked_up"), [(0, (0, 0)), (1 << 20, (1, 2))])
def test_only_who_remembers_answers_counts_what_it_looked_for(
    tmp_path: Path, cache_bytes: int, looked_up: tuple[int, int]
) -> None:
    loaded = LoadedText(open_bundle(write_tiny_text_bundle(tmp_path / "tiny")), cache_bytes=cache_bytes)
    work = work_of(loaded.identity)
    before = (work.hits, work.misses, work.runs)
    for texts in (["link down", "fan is hot"], ["link down"]):
        loaded.answer(texts)
    assert (work.hits - before[0], work.misses - before[1]) == looked_up
    assert work.runs > before[2] and work.run_seconds > 0
