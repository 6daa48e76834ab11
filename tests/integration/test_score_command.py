"""`hubbub score`, as a person pipes through it: exact keys, one line for each line, whatever the batches."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines.scoring.lines import Line
from pipelines.scoring.memory import Memory
from pipelines.scoring.scorer import Scorer
from pipelines.scoring.task import TASKS, Asked, Chosen
from tests.tiny_text_bundle import HEADS, write_tiny_text_bundle

Hubbub = Callable[..., Any]
Object = dict[str, Any]

READINGS: list[Object] = [
    {
        "device_id": f"d{number % 3}",
        "metric": "temp",
        "event_time": f"2026-03-01T08:{number // 3:02d}:00Z",
        "value": 20.0 + number % 5 * 0.1 if number != 149 else 90.0,
    }
    for number in range(150)
]
GOOD: dict[str, list[Object]] = {
    "messages": [
        {"text": "The lock has been beeping since noon", "ticket": 7, "language": "en-GB"},
        {"text": "空调漏水了，请马上来人", "topic": "mine"},
        {"text": None},
        {"text": "  "},
        {"text": "fan is hot", "language": "fr"},
        {},
    ],
    "logs": [
        {"message": f"link down on port {number}", "device_id": f"d{number % 2}", "component": "dhcpd"}
        for number in range(40)
    ]
    + [
        {"message": "fan is hot", "severity": "ERROR", "event_time": "2026-03-01 08:00:00", "category": 1},
        {"message": None, "severity": "no such word"},
        {"device_id": "d1", "message": "water leak", "event_time": "2026-03-01T08:00:00+01:00"},
    ],
    "alarms": [
        {"text": "high pressure", "code": "E-21", "severity": "mine"},
        {"code": "E-21"},
        {"text": "door is cold", "code": None},
        {"text": None},
    ],
    "intents": [
        {"text": "The lock has been beeping since noon", "intent": "mine"},
        {"text": None},
        {"text": "cold"},
        {},
    ],
    "telemetry": [*READINGS, {"metric": "temp", "value": 1}, {"metric": "temp", "value": None, "device_id": "d1"}],
}
# Tasks that only a bundle of one's own answers, and of other rows than events, have tests beside their training.
HERE = [task for task in TASKS if task in GOOD]
BAD: list[tuple[bytes, str]] = [
    (b"", "bad_json"),
    (b"   ", "bad_json"),
    (b"{", "bad_json"),
    (b"[]", "schema"),
    (b"7", "schema"),
    (b'{"text": "\xff"}', "bad_utf8"),
    (b'{"text": NaN}', "bad_json"),
    (b'{"text": "\\ud800"}', "bad_json"),
    (b'{"n": 123456789012345678901234567890}', "schema"),
    (b"[" * 5000 + b"]" * 5000, "too_large"),
]
WRONG_TYPE = {
    "messages": {"text": 5, "kept": "yes"},
    "logs": {"message": ["a"], "kept": "yes"},
    "alarms": {"code": 21, "kept": "yes"},
    "telemetry": {"metric": "temp", "value": "warm", "kept": "yes"},
    "intents": {"text": ["a"], "kept": "yes"},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_text_bundle(tmp_path_factory.mktemp("models") / "tiny-text")


def model_of(task: str, tiny: Path) -> str | None:
    return None if task == "telemetry" else str(tiny)


def lines_of(objects: Sequence[Object]) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in objects)


def scored(task: str, model: str | None, data: bytes, size: int, asked: Asked | None = None) -> bytes:
    """Score lines in this process, cut into batches of `size`."""
    scorer = Scorer(TASKS[task], Chosen(model, {}), asked or Asked(), Memory(task))
    lines = [Line(number, text, len(text)) for number, text in enumerate(data.split(b"\n")[:-1], start=1)]
    return b"".join(one for at in range(0, len(lines), size) for one in scorer.score(lines[at : at + size]))


def mixed(task: str) -> bytes:
    """Good lines with bad ones between them."""
    good = GOOD[task]
    bad = [text for text, _ in BAD] + [json.dumps(WRONG_TYPE[task]).encode()]
    found: list[bytes] = []
    for number in range(max(len(good), len(bad))):
        found += [json.dumps(good[number], ensure_ascii=False).encode()] if number < len(good) else []
        found += [bad[number]] if number < len(bad) else []
    return b"\n".join(found) + b"\n"


@pytest.mark.parametrize("task", HERE)
def test_every_task_adds_its_keys_in_order(hubbub: Hubbub, tiny: Path, task: str) -> None:
    """Unknown keys pass through, own fields with an answer's name move into `input`, answers stand at the end."""
    arguments = [] if task == "telemetry" else ["--model", tiny]
    answer = hubbub("score", task, *arguments, stdin=lines_of(GOOD[task]))
    assert answer.status == 0, answer.err
    assert answer.err == ""
    names = list(TASKS[task].answers)
    assert len(answer.lines) == len(GOOD[task])
    for line, event in zip(answer.lines, GOOD[task], strict=True):
        found = json.loads(line)
        moved = {name: value for name, value in event.items() if name in names}
        assert found.get("input", {}) == moved
        assert {name: found[name] for name in event if name not in moved} == {
            name: value for name, value in event.items() if name not in moved
        }
        assert list(found)[-len(names) :] == names


def test_labels_are_labels(tiny: Path) -> None:
    """A label is `label` and `score` and nothing else, unless more was asked for; no words, no opinion."""
    out = [json.loads(line) for line in scored("messages", str(tiny), lines_of(GOOD["messages"]), 10).splitlines()]
    assert out[0]["language"] == {"label": "en", "score": 1.0}
    assert set(out[0]["topic"]) == {"label", "score"}
    assert out[0]["topic"]["label"] in HEADS["topic"]
    assert [out[row]["sentiment"] for row in (2, 3, 4, 5)] == [None] * 4
    assert out[4]["language"] == {"label": "und", "score": 1.0}
    assert out[5] == {"language": None, "sentiment": None, "topic": None, "urgency": None}


def test_more_is_said_when_asked(tiny: Path) -> None:
    """All probabilities sum to one and hold the label's own; the model is named; words are the text's own."""
    asked = Asked(probabilities=True, provenance=True, explain=True)
    plain = scored("messages", str(tiny), lines_of(GOOD["messages"]), 10).splitlines()
    for line, short in zip(
        scored("messages", str(tiny), lines_of(GOOD["messages"]), 10, asked).splitlines(), plain, strict=True
    ):
        told, brief = json.loads(line), json.loads(short)
        for name in TASKS["messages"].answers:
            if told[name] is None:
                assert brief[name] is None
                continue
            assert list(told[name]) == ["label", "score", "probabilities", "model", "words"]
            assert {key: told[name][key] for key in ("label", "score")} == brief[name]
            assert list(told[name]["probabilities"]) == list(HEADS[name])
            assert told[name]["probabilities"][told[name]["label"]] == told[name]["score"]
            assert sum(told[name]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
            assert all(word in told["text"] for word in told[name]["words"])
            given = name == "language" and "language" in told.get("input", {})
            assert told[name]["model"] is None if given else told[name]["model"].startswith("tiny-text@1.0.0+")


@pytest.mark.parametrize("task", HERE)
@pytest.mark.parametrize("more", [False, True])
def test_batches_change_nothing(tiny: Path, task: str, more: bool) -> None:
    """The same bytes for batches of 1, 7 and all lines, with bad lines in between."""
    asked = Asked(more, more, more)
    whole = scored(task, model_of(task, tiny), mixed(task), 10_000, asked)
    assert whole.count(b"\n") == mixed(task).count(b"\n")
    for size in (1, 7):
        assert scored(task, model_of(task, tiny), mixed(task), size, asked) == whole


@pytest.mark.parametrize("task", HERE)
def test_a_bad_line_comes_out_as_an_error_in_its_place(tiny: Path, task: str) -> None:
    data = b"\n".join([*(text for text, _ in BAD), json.dumps(WRONG_TYPE[task]).encode()]) + b"\n"
    out = [json.loads(line) for line in scored(task, model_of(task, tiny), data, 4).splitlines()]
    assert [one["error"]["reason"] for one in out] == [*(reason for _, reason in BAD), "schema"]
    assert [one["error"]["line"] for one in out] == list(range(1, len(out) + 1))
    assert all(one.keys() == {"error"} and one["error"].keys() == {"reason", "message", "line"} for one in out[:-1])
    error = out[-1].pop("error")
    assert out[-1] == WRONG_TYPE[task]
    assert error["message"].startswith("expected a ")


def test_good_lines_do_not_notice_the_bad_ones_between(tiny: Path) -> None:
    """Memory and time go by the good lines alone."""
    for task in HERE:
        alone = scored(task, model_of(task, tiny), lines_of(GOOD[task]), 1000).splitlines()
        between = scored(task, model_of(task, tiny), mixed(task), 13).splitlines()
        assert [line for line in between if b'"error":{"reason"' not in line] == alone, task


def test_memory_of_telemetry_finds_the_odd_reading(tiny: Path) -> None:
    out = [json.loads(line) for line in scored("telemetry", None, lines_of(READINGS), 1000).splitlines()]
    assert list(out[0]["anomaly"]) == ["score", "is_anomaly", "expected_low", "expected_high", "kind"]
    assert [row for row, one in enumerate(out) if one["anomaly"]["is_anomaly"]] == [149]


@pytest.mark.parametrize("task", ["logs", "telemetry"])
@pytest.mark.parametrize("cut", [1, 20])
def test_state_goes_on_where_it_was_left(hubbub: Hubbub, tiny: Path, tmp_path: Path, task: str, cut: int) -> None:
    """Two runs with --state give the bytes that one run gives."""
    arguments = ["score", task, *([] if task == "telemetry" else ["--model", tiny])]
    whole = hubbub(*arguments, stdin=lines_of(GOOD[task]))
    first = hubbub(*arguments, "--state", tmp_path / "memory", stdin=lines_of(GOOD[task][:cut]))
    second = hubbub(*arguments, "--state", tmp_path / "memory", stdin=lines_of(GOOD[task][cut:]))
    assert (first.status, second.status, whole.status) == (0, 0, 0), first.err + second.err
    assert first.out + second.out == whole.out


def test_answers_come_while_the_input_is_open(tiny: Path) -> None:
    """A line is answered before the next one is written: nothing waits for a full batch."""
    command = [sys.executable, "-m", "pipelines.command_line", "score", "alarms", "--model", str(tiny)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for number in range(3):
            process.stdin.write(json.dumps({"text": "fan is hot", "n": number}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["n"] == number
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_the_end_says_how_many_lines_have_no_answer(hubbub: Hubbub, tiny: Path) -> None:
    answer = hubbub("score", "alarms", "--model", tiny, stdin=b'{"text": "fan is hot"}\n[]\n')
    assert (answer.status, len(answer.lines)) == (0, 2)
    assert answer.err == "hubbub: 1 of 2 lines have no answer, but an error that says why\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["intents"], "score intents needs --model BUNDLE"),
        (["commands", "--home", "home.yaml"], "the task commands is not in this release"),
        (["sequences"], "needs --model BUNDLE"),
        (["records"], "score records needs --model BUNDLE"),
        (["multivariate"], "score multivariate needs --model BUNDLE"),
        (["poems"], "'poems' is not one of"),
        (["messages", "--model", "no-such-model"], "no model bundle is named 'no-such-model'"),
        (["messages", "--model", "./no-such-folder"], "there is no such folder"),
        (["messages", "--model", "telemetry-level"], "expected the task text, got telemetry"),
        (["messages", "--batch-size", "0"], "0 is not in the range"),
        (["messages", "--wrong"], "No such option"),
        ([], "Missing argument 'TASK'"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(hubbub: Hubbub, arguments: list[str], said: str) -> None:
    answer = hubbub("score", *arguments)
    assert answer.status == 2
    assert answer.out == ""
    assert said in answer.err
    assert answer.err.count("\n") == 1


def test_a_state_file_of_something_else_is_refused(hubbub: Hubbub, tmp_path: Path) -> None:
    (tmp_path / "memory").write_text("not memory", encoding="utf-8")
    answer = hubbub("score", "telemetry", "--state", "memory")
    assert answer.status == 2
    assert "expected a file that `hubbub score --state` wrote" in answer.err
