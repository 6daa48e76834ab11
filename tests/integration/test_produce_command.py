"""`hubbub produce`: what is written, what is refused, and that nothing is written twice."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.broker import TopicPartition
from infra.partitioner import partition_of_key
from infra.sqlite.broker import SqliteBroker
from pipelines.produce.from_file import Advance, Checked, InputFile
from schemas.identity import file_row_id
from schemas.record import Append
from tests.patience import PATIENCE_S
from tests.written_events import events, ids, records

Hubbub = Callable[..., Any]
MESSAGES = "customer.messages"


def write_messages(path: Path, count: int) -> Path:
    path.write_text(
        "".join(
            json.dumps({"device_id": f"d-{i % 9}", "event_time": "2026-03-01T08:00:00Z", "text": f"hello {i}"}) + "\n"
            for i in range(count)
        )
    )
    return path


def test_a_file_of_json_lines(hubbub: Hubbub, tmp_path: Path) -> None:
    path = write_messages(tmp_path / "m.jsonl", 20)
    answer = hubbub("produce", MESSAGES, path)
    assert (answer.status, answer.out) == (0, f"20 rows written to {MESSAGES}\n")
    assert len(events(MESSAGES)) == 20
    for number in range(8):
        with SqliteBroker("hubbub.db") as broker:
            for record in broker.read(TopicPartition(MESSAGES, number), 0, max_records=99, max_bytes=1 << 20):
                assert record.key is not None
                assert partition_of_key(record.key, 8) == number


def test_ids_come_from_the_file_and_its_lines(hubbub: Hubbub, tmp_path: Path) -> None:
    path = write_messages(tmp_path / "m.jsonl", 3)
    digest = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]
    hubbub("produce", MESSAGES, path)
    assert ids(MESSAGES) == {file_row_id(digest, line) for line in (1, 2, 3)}


def test_a_second_run_writes_nothing(hubbub: Hubbub, tmp_path: Path) -> None:
    path = write_messages(tmp_path / "m.jsonl", 7)
    hubbub("produce", MESSAGES, path)
    answer = hubbub("produce", MESSAGES, path, "--json")
    assert answer.status == 0
    assert json.loads(answer.out) == {
        "topic": MESSAGES, "file": str(path), "format": "jsonl", "rows": 7, "bad": 0, "written": 0, "written_before": 7,
    }  # fmt: skip
    assert len(records(MESSAGES)) == 7


def test_a_killed_run_is_resumed_exactly_once(hubbub: Hubbub, tmp_path: Path) -> None:
    path = write_messages(tmp_path / "m.jsonl", 23_000)
    command = [sys.executable, "-m", "pipelines.command_line", "produce", MESSAGES, str(path)]
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_S
        before = written()
        while written() == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        process.kill()
        process.wait()
    answer = hubbub("produce", MESSAGES, path, "--json")
    summary = json.loads(answer.out)
    assert summary["written"] + summary["written_before"] == 23_000
    assert summary["written_before"] >= 5000
    assert len(records(MESSAGES)) == len(ids(MESSAGES)) == 23_000


def written() -> int:
    if not Path("hubbub.db").exists():
        return 0
    with SqliteBroker("hubbub.db") as broker:
        return sum(broker.bounds(TopicPartition(MESSAGES, n))[1] for n in range(broker.topics().get(MESSAGES, 0)))


def test_ctrl_c_ends_behind_a_chunk_and_says_where(
    hubbub: Hubbub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_messages(tmp_path / "m.jsonl", 12_000)
    append = SqliteBroker.append

    def interrupted(
        broker: SqliteBroker, records: Sequence[Append], *, progress: tuple[str, int] | None = None
    ) -> list[tuple[int, int]]:
        if records:
            os.kill(os.getpid(), signal.SIGINT)
        return append(broker, records, progress=progress)

    monkeypatch.setattr(SqliteBroker, "append", interrupted)
    answer = hubbub("produce", MESSAGES, path)
    assert (answer.status, answer.err) == (130, "hubbub: stopped behind line 5000; the same command goes on there\n")
    monkeypatch.undo()
    os.chdir(tmp_path)
    assert json.loads(hubbub("produce", MESSAGES, path, "--json").out)["written"] == 7000
    assert len(ids(MESSAGES)) == 12_000


def test_an_exported_id_is_kept_and_is_no_field(hubbub: Hubbub, tmp_path: Path) -> None:
    event_id = "0123456789abcdef" * 2
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps({"device_id": "d", "text": "x", "event_id": event_id}) + "\n")
    hubbub("produce", MESSAGES, path)
    assert ids(MESSAGES) == {event_id}
    assert events(MESSAGES) == [{"device_id": "d", "text": "x"}]


def test_one_bad_row_and_nothing_is_written(hubbub: Hubbub, tmp_path: Path) -> None:
    path = write_messages(tmp_path / "m.jsonl", 6000)
    with path.open("a") as file:
        file.write('{"device_id": "d", "text": 5}\n[]\n{"text": "no device"}\nnope\n')
    answer = hubbub("produce", MESSAGES, path)
    assert answer.status == 2
    said = answer.err.splitlines()
    assert said[0] == f"hubbub: {path}, line 6001: expected a text in text, got a number"
    assert said[1] == f"hubbub: {path}, line 6002: expected a JSON object, got an array"
    assert said[2] == f"hubbub: {path}, line 6003: expected device_id, which is required, got none"
    assert said[3].startswith(f"hubbub: {path}, line 6004: expected JSON, got a text that breaks at character 0")
    assert said[-1] == "hubbub: nothing was written"
    assert not Path("hubbub.db").exists()


def test_many_mistakes_are_counted_and_not_all_named(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text("[]\n" * 50)
    said = hubbub("produce", MESSAGES, path).err.splitlines()
    assert len(said) == 11
    assert said[-1] == "hubbub: and 40 more; nothing was written"


def test_blank_lines_and_a_byte_order_mark_are_passed_over(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"device_id": "d", "text": "x"}\r\n\n  \n{"device_id": "d", "text": "y"}')
    assert hubbub("produce", MESSAGES, path).status == 0
    assert [one["text"] for one in events(MESSAGES)] == ["x", "y"]


def test_a_time_without_a_zone_is_settled_and_said(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"device_id": "d", "text": "x", "event_time": "2026-03-01 09:00:00"}\n')
    answer = hubbub("produce", MESSAGES, path)
    assert events(MESSAGES)[0]["event_time"] == "2026-03-01T09:00:00.000000Z"
    assert "note: times without a zone were taken as UTC" in answer.err


def test_a_time_with_a_zone_needs_no_note(hubbub: Hubbub, tmp_path: Path) -> None:
    assert hubbub("produce", MESSAGES, write_messages(tmp_path / "m.jsonl", 1)).err == ""


@pytest.mark.parametrize(
    ("zone", "utc"), [("Europe/Berlin", "T08:00"), ("+08:00", "T01:00"), ("-0130", "T10:30"), ("Z", "T09:00")]
)
def test_the_zone_of_times_that_name_none(hubbub: Hubbub, tmp_path: Path, zone: str, utc: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"device_id": "d", "text": "x", "event_time": "2026-03-01 09:00:00"}\n')
    answer = hubbub("produce", MESSAGES, path, "--timezone", zone)
    assert (answer.status, answer.err) == (0, "")
    assert utc in events(MESSAGES)[0]["event_time"]


def test_a_device_for_rows_that_name_none(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"text": "x"}\n{"device_id": "own", "text": "y"}\n')
    assert hubbub("produce", MESSAGES, path, "--device", "given").status == 0
    assert [(one["device_id"], one["text"]) for one in events(MESSAGES)] == [("given", "x"), ("own", "y")]


def test_a_pipe_writes_the_good_lines_and_names_the_bad(hubbub: Hubbub) -> None:
    lines = b'{"device_id": "d", "text": "one"}\nnope\n\n{"device_id": "d", "text": "two"}\n{"device_id": 5}'
    answer = hubbub("produce", MESSAGES, "-", stdin=lines)
    assert (answer.status, answer.out) == (2, f"2 rows written to {MESSAGES}; 2 bad\n")
    assert "hubbub: line 2: expected JSON" in answer.err
    assert "hubbub: line 5: expected a text in device_id, got a number" in answer.err
    assert [one["text"] for one in events(MESSAGES)] == ["one", "two"]


def test_a_pipe_of_log_lines(hubbub: Hubbub) -> None:
    answer = hubbub("produce", "device.logs", "--format", "lines", "--device", "here", stdin=b"ERROR: door open\n\n")
    assert answer.status == 0, answer.err
    assert [(one["device_id"], one["severity"]) for one in events("device.logs")] == [("here", "minor")]


def test_a_pipe_s_lines_are_there_before_it_ends(hubbub: Hubbub, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.command_line", "produce", MESSAGES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b'{"device_id": "d", "text": "early"}\n{"device_id": "d", "te')
        process.stdin.flush()
        deadline = time.monotonic() + PATIENCE_S
        while not written() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert written() == 1
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, b"1 rows written to customer.messages\n"), err
    assert written() == 1


def test_raw_sends_every_byte_untouched(hubbub: Hubbub) -> None:
    lines = [b"nope\r", b"", b"\x00\xff", b'{"device_id": "d-1"}', b'{"device_id": 7}', b"  [1, 2]"]
    answer = hubbub("produce", MESSAGES, "--raw", stdin=b"\n".join(lines) + b"\n")
    assert answer.status == 0, answer.err
    assert sorted(record.value or b"" for record in records(MESSAGES)) == sorted(lines)
    assert [record.key for record in records(MESSAGES) if record.key] == [b"d-1"]


def test_a_raw_file_is_written_once_too(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"one\n\xfe\n")
    assert hubbub("produce", MESSAGES, path, "--raw").out == f"2 rows written to {MESSAGES}\n"
    assert "2 had been written before" in hubbub("produce", MESSAGES, path, "--raw").out
    assert sorted(record.value or b"" for record in records(MESSAGES)) == [b"one", b"\xfe"]


def test_two_processes_do_not_write_one_file(hubbub: Hubbub, tmp_path: Path) -> None:
    path = write_messages(tmp_path / "m.jsonl", 1)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        answer = hubbub("produce", MESSAGES, path)
    assert (answer.status, answer.err) == (2, f"hubbub: {path} is being produced by another process already\n")


def test_a_file_that_changes_meanwhile_is_not_written(
    hubbub: Hubbub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_messages(tmp_path / "m.jsonl", 5)
    check = InputFile.check

    def check_and_change(file: InputFile, advance: Advance) -> Checked:
        found = check(file, advance)
        with path.open("a") as more:
            more.write("more\n")
        return found

    monkeypatch.setattr(InputFile, "check", check_and_change)
    answer = hubbub("produce", MESSAGES, path)
    assert (answer.status, "changed while it was being read" in answer.err) == (2, True)
    assert written() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "m.jsonl"], "expected one of the topics device.logs, customer.messages"),
        (["hubbub.ticks", "m.jsonl"], "expected one of the topics"),
        ([MESSAGES, "none.jsonl"], "none.jsonl: No such file or directory"),
        ([MESSAGES, "."], "expected a file name with one of .jsonl"),
        ([MESSAGES, "m.xyz"], "or name its --format"),
        ([MESSAGES, "m.log"], "raw log lines are rows of device.logs"),
        ([MESSAGES, "--format", "csv"], "expected jsonl or lines from a pipe, got csv"),
        ([MESSAGES, "m.jsonl", "--format", "xml"], "'xml' is not one of"),
        ([MESSAGES, "m.jsonl", "--timezone", "Nowhere/Land"], "expected a time zone like Europe/Berlin"),
        ([MESSAGES, "m.jsonl", "--timezone", "+25:00"], "expected a time zone like Europe/Berlin"),
        ([MESSAGES, "m.jsonl", "--year", "2026"], "--year is for log lines"),
        ([MESSAGES, "m.jsonl", "--raw", "--year", "2026"], "--raw sends bytes untouched"),
        ([MESSAGES, "m.jsonl", "--broker", "kafka://u:secret@h:9"], "got one with a user in it"),
        (["elsewhere", "m.jsonl", "--raw"], "there is no topic 'elsewhere'"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(
    hubbub: Hubbub, tmp_path: Path, arguments: list[str], said: str
) -> None:
    write_messages(tmp_path / "m.jsonl", 1)
    answer = hubbub("produce", *arguments)
    assert answer.status == 2
    assert said in answer.err
    assert (len(answer.err.splitlines()), answer.out) == (1, "")


def test_rows_of_the_future_are_written_with_a_word_of_warning(hubbub: Hubbub, tmp_path: Path) -> None:
    lines = ["Jan  1 00:00:00 lab ctl: on", "Jan  1 00:00:01 lab ctl: off"]
    (tmp_path / "lab.log").write_text("\n".join(lines) + "\n")
    done = hubbub("produce", "device.logs", "lab.log", "--year", "2150")
    assert done.status == 0
    assert "note: 2 rows lie in the future; a job makes them dead letters of reason clock; is --year right?" in done.err


def test_a_file_that_was_written_by_other_options_is_refused(hubbub: Hubbub, tmp_path: Path) -> None:
    (tmp_path / "lab.log").write_text("Jan  1 00:00:00 lab ctl: on\n")
    assert hubbub("produce", "device.logs", "lab.log", "--year", "2024").status == 0
    again = hubbub("produce", "device.logs", "lab.log", "--year", "2025")
    assert again.status == 2
    assert "before with another --format, --timezone, --year or --device" in again.err
    assert hubbub("produce", "device.logs", "lab.log", "--year", "2024").out.startswith("0 rows written")
