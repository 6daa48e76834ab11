"""Where the work on a partition begins: at its group's place, if what lies behind that place is still there."""

from __future__ import annotations

import logging
from typing import Final

from infra.broker import BrokerMismatch, TopicPartition
from pipelines.engines.place import Place, place_of
from pipelines.engines.work import Worker

log = logging.getLogger(__name__)

# A place behind the last record lies before the marker of its transaction, which is no record and goes its way too.
_A_MARKER: Final = 1


def taken_over(worker: Worker, part: TopicPartition) -> tuple[Place, int | None]:
    """Return the place and the frontier that a worker's group has committed.

    BrokerMismatch when records were removed before this group had read them, unless its settings let it go on without
    them (then it is logged how many); and when the place lies behind all records: they are those of another topic, made
    anew under the name.
    """
    first, end = worker.broker.bounds(part)
    place, frontier_us = place_of(worker.membership.offset(part), first)
    if place.next_offset > max(first, end):
        raise BrokerMismatch(
            f"{part}: group {worker.group} goes on at offset {place.next_offset}, but the last record lies before "
            f"{max(first, end)}: the topic was made anew, or lost its end. Start with another --group, which reads "
            "what is there from the beginning"
        )
    removed = first - place.next_offset
    if removed > 0 and worker.settings.skip_removed:
        log.error("%s: group %s goes on without %d offsets before %d: removed", part, worker.group, removed, first)
    elif removed > _A_MARKER:
        raise BrokerMismatch(
            f"{part}: group {worker.group} goes on at offset {place.next_offset}, but all before {first} was removed "
            f"(retention): up to {removed} records that it has not read. To go on without them: [job] skip_removed = "
            "true, or HUBBUB_JOB_SKIP_REMOVED=true"
        )
    return place, frontier_us
