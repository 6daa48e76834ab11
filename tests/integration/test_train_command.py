"""`hubbub train intents` with real torch, in the environment that `make train-env` makes: part of `make slow`."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.bundle import open_bundle
from models.loaded_text import load_text
from tests.broker_subject import eventually
from tests.random_base import write_random_base
from tests.train_environment import train_python

WORDS = {
    "light": "bright dim lamp bulb glow",
    "heat": "warm cold radiator degrees boiler",
    "lock": "door key open bolt latch",
}
FILL = ["please", "the", "my", "now", "in", "a", "is", "it", "again"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base encoder that knows nothing, and texts of which single words tell the label."""
    folder = tmp_path_factory.mktemp("train")
    source = random.Random(20261122)
    write_random_base(folder / "base", [*FILL, *(word for words in WORDS.values() for word in words.split())], seed=1)
    texts: dict[str, str] = {}
    while len(texts) < 360:
        label = source.choice(sorted(WORDS))
        words = [*source.sample(FILL, 4), *source.sample(WORDS[label].split(), 2)]
        texts[" ".join(source.sample(words, len(words)))] = label
    rows = [json.dumps({"text": text, "label": label}) for text, label in texts.items()]
    (folder / "train.jsonl").write_text("\n".join(rows[:280]))
    (folder / "dev.jsonl").write_text("\n".join(rows[280:]))
    return folder


@contextmanager
def training(work: Path, output: str) -> Iterator[subprocess.Popen[str]]:
    """Run `hubbub train intents` in a process of its own, which does not outlive this."""
    files = ["--data", str(work / "train.jsonl"), "--dev", str(work / "dev.jsonl"), "--base", str(work / "base")]
    command = [str(train_python()), "-m", "pipelines.command_line", "train", "intents", *files, "--quick"]
    whole = [*command, "--output", str(work / output), "--json"]
    with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def whole(work: Path) -> Path:
    with training(work, "whole") as process:
        out, err = process.communicate()
    figures = json.loads(out)
    print(err)
    assert figures["trivial_accuracy"] < 0.5
    assert figures["accuracy"] > 0.9
    assert figures["accuracy"] >= figures["float32_accuracy"] - 0.05
    return work / "whole"


def test_a_bundle_comes_out_that_loads_and_gives_its_golden_answers(whole: Path) -> None:
    loaded = load_text(open_bundle(whole))
    assert loaded.card.heads[0].labels == (*sorted(WORDS), "oos")
    assert "Dev accuracy by pass" in (whole / "report.html").read_text()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_and_started_again_it_comes_to_the_same(work: Path, whole: Path, how: signal.Signals) -> None:
    name = f"again-{how.name}"
    with training(work, name) as process:
        assert eventually((work / f"{name}.cache" / "student.going-on.pt").exists)
        process.send_signal(how)
        process.communicate()
        assert process.returncode != 0
    with training(work, name) as again:
        _, err = again.communicate()
    assert again.returncode == 0, err
    assert "going on from" in err, err
    assert digest(work / name) == digest(whole)
    curves = [
        json.loads((one / "card.json").read_text())["metrics"]["dev_accuracy_by_pass"] for one in (work / name, whole)
    ]
    assert curves[0] == curves[1]


def test_a_mended_label_is_learnt_anew(work: Path, whole: Path) -> None:
    """As many rows, and the same recipe, are not the same training."""
    with training(work, "again-mended") as process:
        process.communicate()
    assert digest(work / "again-mended") == digest(whole)
    first, *others = (work / "train.jsonl").read_text().splitlines()
    row = json.loads(first)
    row["label"] = next(label for label in WORDS if label != row["label"])
    (work / "train.jsonl").write_text("\n".join([json.dumps(row), *others]))
    try:
        with training(work, "again-mended") as process:
            _, err = process.communicate()
    finally:
        (work / "train.jsonl").write_text("\n".join([first, *others]))
    assert process.returncode == 0, err
    assert "this one begins anew" in err
    assert digest(work / "again-mended") != digest(whole)
