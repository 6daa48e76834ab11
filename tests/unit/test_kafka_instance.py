"""The machine's id that an instance's name begins with: made once, whole, however many processes begin at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from infra.broker import BrokerUnavailable
from infra.kafka.instance import KafkaInstance, _machine_id


def test_all_who_begin_at_once_find_the_same_id(tmp_path: Path) -> None:
    workers, rounds = 8, 40
    for number in range(rounds):
        folder = tmp_path / str(number)
        folder.mkdir()
        together = Barrier(workers)

        def look(_: int, folder: Path = folder, together: Barrier = together) -> str:
            together.wait()
            return _machine_id(folder)

        with ThreadPoolExecutor(workers) as pool:
            found = set(pool.map(look, range(workers)))
        assert len(found) == 1
        assert [path.name for path in folder.iterdir()] == ["machine-id"]


def test_an_instance_without_a_name_is_the_machine_and_a_slot(tmp_path: Path) -> None:
    one, other = KafkaInstance.take(tmp_path, None), KafkaInstance.take(tmp_path, None)
    machine = (tmp_path / "machine-id").read_text()
    assert {one.name, other.name} == {f"{machine}-0", f"{machine}-1"}
    one.free()
    other.free()


def test_a_file_that_holds_no_id_is_named(tmp_path: Path) -> None:
    (tmp_path / "machine-id").write_text("not an id!")
    with pytest.raises(BrokerUnavailable, match="machine-id, got 'not an id!'; delete the file"):
        KafkaInstance.take(tmp_path, None)
