"""What each engine promises and what it does not: one value an engine, from which the table in the docs is made.

What is promised is tested by one suite (`make sameness`, tests/integration/test_sameness.py); what is not is said here
and nowhere skipped in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class Features:
    """One engine's promises, in words for a person who chooses among them."""

    engine: str
    started_by: str
    brokers: str
    delivery: str
    memory: str
    order: str
    scale_out: str
    ends: str
    ticks: str
    merging: str
    re_keying: str
    after_a_kill: str
    crash_pills: str
    models: str


EMBEDDED: Final = Features(
    engine="embedded",
    started_by="hubbub run",
    brokers="SQLite, Kafka",
    delivery="exactly once for readers of committed records",
    memory="in the same transaction as the outputs",
    order="of each partition, kept",
    scale_out="processes of one group share the partitions",
    ends="with `--until-end`, or runs on",
    ticks="yes",
    merging="yes",
    re_keying="yes: `sites` and `incidents`",
    after_a_kill="goes on behind the last transaction; rows are written once",
    crash_pills="a dead letter after three deaths",
    models="once a process",
)
FAUST: Final = Features(
    engine="Faust",
    started_by="hubbub run --engine faust",
    brokers="Kafka",
    delivery="at least once, ids that repeat with the row",
    memory="effectively once: a step is one record batch of the table's changelog",
    order="of each partition, kept; repeats lie behind",
    scale_out="workers of one group share the partitions",
    ends="with `--until-end`, or runs on",
    ticks="yes",
    merging="yes",
    re_keying="yes, where the pipelines before them run on Faust, too",
    after_a_kill="goes on behind the last step in the table; rows since then are written again with their ids",
    crash_pills="a dead letter after three deaths",
    models="once a process",
)
BEAM_LOCAL: Final = Features(
    engine="Beam, local",
    started_by="hubbub run --engine beam --until-end",
    brokers="SQLite, Kafka",
    delivery="at least once, ids that repeat with the row",
    memory="committed with the offsets when all is written",
    order="of each partition, kept; repeats lie behind",
    scale_out="processes of one machine",
    ends="always: a range that was seen at the start",
    ticks="reads those that are there, makes none",
    merging="yes",
    re_keying="yes, one pipeline after the other",
    after_a_kill="does the whole range again; rows are written again with their ids",
    crash_pills="not isolated: the job fails each time; run the range with the embedded engine",
    models="once a process",
)
BEAM_FLINK: Final = Features(
    engine="Beam on Flink",
    started_by="hubbub run --engine beam --runner FlinkRunner",
    brokers="Kafka; SQLite where all of Flink is on one machine",
    delivery="exactly once inside, at least once into Kafka, ids that repeat with the row",
    memory="in Flink's checkpoints and savepoints",
    order="of each partition, kept; repeats lie behind",
    scale_out="task slots of the cluster, up to one a partition",
    ends="with `--until-end`, or runs on and is stopped with a savepoint",
    ticks="yes",
    merging="yes",
    re_keying="yes, a checkpoint later for each pipeline before them",
    after_a_kill="goes on from the newest checkpoint or a savepoint; rows since then are written again with their ids",
    crash_pills="not isolated: the job fails each time",
    models="once a process",
)
ENGINES: Final = (EMBEDDED, FAUST, BEAM_LOCAL, BEAM_FLINK)


def table(engines: Sequence[Features] = ENGINES) -> str:
    """Return the table of the docs: a row a promise, a column an engine."""
    names = [field.name for field in fields(Features) if field.name != "engine"]
    lines = [["", *(one.engine for one in engines)], ["---"] * (len(engines) + 1)]
    lines += [[name.replace("_", " "), *(_cell(name, getattr(one, name)) for one in engines)] for name in names]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(name: str, text: str) -> str:
    return f"`{text}`" if name == "started_by" else text
