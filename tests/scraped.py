"""What a watched process tells, as tests read it; and what the dashboard and the rules in infra/ ask for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.patience import PATIENCE_S

INFRA: Final = Path(__file__).parents[1] / "infra"


@contextmanager
def watched(folder: Path, *arguments: str) -> Iterator[str]:
    """Run `hubbub ARGUMENTS --metrics ...` in a folder; gives the URL where it can be watched."""
    command = [sys.executable, "-m", "pipelines.command_line", *arguments, "--metrics", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line + process.stderr.read()
            yield found.group()
        finally:
            process.terminate()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return each sample's value by its name and the values of its labels, in the order of their names."""
    families = text_string_to_metric_families(text)
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in families
        for one in family.samples
    }


def labels_told(*texts: str) -> dict[str, set[str]]:
    """Return the labels of each name of a sample."""
    told: dict[str, set[str]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                told.setdefault(one.name, set()).update(one.labels)
    return told


def asked_of_prometheus() -> list[tuple[set[str], set[str]]]:
    """Return, for each panel's question and each rule, the names and the labels that it uses."""
    board = json.loads((INFRA / "grafana" / "hubbub.json").read_text(encoding="utf-8"))
    asked = [f"{one['expr']} {one['legendFormat']}" for panel in board["panels"] for one in panel["targets"]]
    asked += (INFRA / "prometheus" / "hubbub.rules.yaml").read_text(encoding="utf-8").split("- alert:")[1:]
    return [(set(re.findall(r"\b(?:hubbub|process)_[a-z_]+", one)), _labels(one)) for one in asked]


def _labels(asked: str) -> set[str]:
    lists = re.findall(r"\b(?:by|on|without|ignoring) *\(([^)]*)\)", asked)
    compared = re.findall(r'(\w+) *(?:=~|!~|!=|=) *"', asked)
    shown = re.findall(r"\{\{ *(\w+) *\}\}|\$labels\.(\w+)", asked)
    return {*re.findall(r"\w+", " ".join(lists)), *compared, *(one or other for one, other in shown)}
