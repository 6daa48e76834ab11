"""In which order pipelines are run when each must end before the next one begins."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.pipeline import Pipeline


def layers(pipelines: Sequence[Pipeline]) -> list[list[Pipeline]]:
    """Group pipelines so that each comes after all whose topics it reads; those of a circle stay together."""
    waiting = list(pipelines)
    found: list[list[Pipeline]] = []
    while waiting:
        written = {id(one): {sink.topic.name for sink in one.sinks} for one in waiting}
        layer = [
            one
            for one in waiting
            if not any(
                other is not one and written[id(other)] & {topic.name for topic in one.sources} for other in waiting
            )
        ] or waiting
        found.append(layer)
        waiting = [one for one in waiting if one not in layer]
    return found
