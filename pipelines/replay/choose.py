"""What a person asked to replay, settled: which pipelines, which topics, which models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from models.find_bundle import shipped_bundles
from pipelines.bad_input import BadInput
from pipelines.catalog import ONE_A_MONTH, SHIPPED, Chosen, Rules, find_pipeline
from pipelines.pipeline import Pipeline
from pipelines.replay.wired import Wired
from schemas.topic import Topic


def bundles_of(
    texts: Sequence[str], option: str, known: Mapping[str, str | Path], *, any_name: bool = False
) -> dict[str, str | Path]:
    """Read NAME=BUNDLE options; BUNDLE is a folder, or the name of a bundle that came with hubbub.

    `known` are the bundles that the settings choose. BadInput for a name that no model goes by; with `any_name` none is
    refused, for other code may know other models.
    """
    shipped = shipped_bundles()
    chosen: dict[str, str | Path] = {}
    for text in texts:
        name, equals, bundle = text.partition("=")
        if not equals or not name or not bundle:
            raise BadInput(f"expected {option} NAME=BUNDLE, as in {option} text-enzh=my-bundle, got {text!r}")
        names = sorted({*shipped, *known})
        if name not in names and not any_name:
            raise BadInput(f"{option}: expected the name of a model, one of {', '.join(names)}, got {name!r}")
        folder = Path(bundle)
        if not folder.is_dir() and bundle in shipped:
            folder = shipped[bundle]
        if not folder.is_dir():
            raise BadInput(
                f"{option}: expected the folder of a model bundle, or one of {', '.join(shipped)}, got {bundle!r}"
            )
        chosen[name] = folder
    return chosen


def pipelines_named(
    names: Sequence[str],
    models: Chosen,
    topics: Sequence[str] | None,
    rules: Rules | None = None,
    false_alarms_per_month: float = ONE_A_MONTH,
) -> list[Pipeline]:
    """Return the pipelines to replay: those named, else all shipped ones that history of `topics` gives work.

    `topics` None means whatever they read; `rules` None the default ones.
    """
    wanted = dict.fromkeys(names or _with_work(topics))
    found = [find_pipeline(name, models, rules, false_alarms_per_month) for name in wanted]
    if topics is None:
        return found
    read = {topic.name for pipeline in found for topic in pipeline.sources}
    if idle := [name for name in topics if name not in read]:
        raise BadInput(f"no pipeline of {', '.join(one.name for one in found)} reads {', '.join(idle)}")
    return found


def first_topics(pipelines: Sequence[Wired], wanted: Sequence[str] | None) -> list[Topic]:
    """Return the topics that history must bring: those read that none of the pipelines writes, or those `wanted`."""
    written = {sink.topic.name for pipeline in pipelines for sink in pipeline.sinks}
    sources = {topic.name: topic for pipeline in pipelines for topic in pipeline.sources}
    return [topic for name, topic in sources.items() if (name not in written if wanted is None else name in wanted)]


def _with_work(topics: Sequence[str] | None) -> list[str]:
    """Name the shipped pipelines that something reaches from these topics, without loading a model."""
    reads = {
        "logs": {"device.logs"},
        "messages": {"customer.messages"},
        "alarms": {"alarms"},
        "telemetry": {"device.telemetry"},
    }
    if topics is None:
        return list(SHIPPED)
    inputs = {topic.removesuffix(".enriched") for topic in topics}
    upstream = {name for name, read in reads.items() if read & set(topics)}
    return [name for name in SHIPPED if name in upstream or (name not in reads and inputs)]
