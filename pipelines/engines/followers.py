"""The streams of a pipeline that follows another one's time, a round at a time: they say together how far they are.

Who reads behind a re-keyed topic waits for the slowest of the streams that write there. So when one of them has
something to say, all say where they stand, in one commit where commits cost round trips. The same goes for ticks:

- As soon as what waits would be released by a tick to now, less the lateness, all of this process are moved to one
  time: the latest up to which all that feeds any of them has been worked through, or the lateness before the latest
  moment up to which that holds of what lay there (barriers.py).
- They are moved, too, when who follows them has something to read and cannot go on: streams of other processes wait.
- That is not done while upstream catches up (upstream_time.py, `is_prompt`): then a stream must stand still for
  `tick_s` first, as any quiet partition must.

None of it changes an answer: what moves time is a tick in the log at its offset, or upstream's own commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from infra.broker import CommitsTogether, Fenced, NotIdle, Stream, TopicPartition
from pipelines.engines.merged_task import MergedTask
from pipelines.engines.work import Worker

# How long something is due before a tick is made for it, and how soon it is tried again: where rows come, they move
# time by themselves.
SOON_S: Final = 0.01
SOON_US: Final = round(SOON_S * 1e6)
LOOK_S: Final = 0.03
# How long others must wait before this process looks for the cause with itself, and how often it does.
WAITED_FOR_S: Final = 0.25
AGAIN_S: Final = 1.0
# More records than this are released alone: what is under way in a transaction lies in memory.
MOST_TOGETHER: Final = 500
_FAR_US: Final = 3_600_000_000


@dataclass(slots=True)
class Round:
    """What became of the streams in a round: those that did something, and those to be begun again."""

    moved: set[Stream] = field(default_factory=set)
    lost: set[Stream] = field(default_factory=set)


class Followers:
    """Works on the owned streams of one pipeline with `upstream`, in one process."""

    def __init__(self, worker: Worker, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._worker = worker
        self._monotonic = clock
        pipeline = worker.pipeline
        self._is_followed = any(sink.topic.internal for sink in pipeline.sinks)
        prefix = worker.group.removesuffix(f"-{pipeline.name}")
        self._feeders = [f"{prefix}-{one.name}" for one in pipeline.upstream]
        written = {sink.topic.name for sink in pipeline.sinks}
        # The groups that follow these streams, and what they read of them.
        self._readers = {
            f"{prefix}-{one.name}": sorted(written & {topic.name for topic in one.sources})
            for one in worker.beside
            if pipeline.name in {upstream.name for upstream in one.upstream}
        }
        self._caught_up: dict[str, Mapping[TopicPartition, int]] = {}
        self._waited_for_since: float | None = None
        self._looked_at = self._tried_at = self._helped_at = float("-inf")
        self._due_in_s = float("inf")

    def step(self, tasks: Sequence[MergedTask]) -> Round:
        """Read on everywhere; release what may be released, and let the others say how far they have come."""
        done = Round()
        for group in self._feeders:  # before anybody asks where the log ends
            self._worker.answers.places(group)
        done.moved |= {task.stream for task in tasks if task.read()}
        ready = [task for task in tasks if task.has_come_further]
        worth = [task for task in ready if task.is_worth_a_commit]
        if self._is_followed and ready and (worth or self._is_waited_for()):
            worth = ready
        self._each(worth, MergedTask.release, done)
        return done

    def tick(self, tasks: Sequence[MergedTask], still_s: Mapping[Stream, float], done: Round) -> None:
        """Move time by the clock where that is called for; `still_s` says how long each stream has stood still."""
        settings = self._worker.settings
        if settings.tick_s is None:
            return
        until_us = self._worker.clock() - settings.rules.lateness_us
        waits = {task: at for task in tasks if (at := task.due_us()) is not None}
        self._due_in_s = max((min(waits.values(), default=until_us + _FAR_US) - until_us) / 1e6 + SOON_S, LOOK_S)
        due = {task: at for task, at in waits.items() if at < until_us - SOON_US}
        self._tick_what_is_due(tasks, due, until_us, round(settings.tick_s * 1e6), done)
        for task in tasks:
            if task.stream not in done.moved | done.lost and still_s[task.stream] >= settings.tick_s:
                self._alone(task, lambda task: task.tick(until_us), done)

    def finish(self, tasks: Sequence[MergedTask], done: Round) -> None:
        """Release what still waits on streams whose input has ended."""
        for task in tasks:
            self._alone(task, MergedTask.finish, done)

    def due_in_s(self) -> float:
        """Return how many seconds after the last `tick` something falls due by the clock; infinite if nothing does."""
        return self._due_in_s

    def _tick_what_is_due(
        self, tasks: Sequence[MergedTask], due: Mapping[MergedTask, int], until_us: int, still_us: int, done: Round
    ) -> None:
        helps = self._is_followed and self._is_waited_for() and self._passed(self._helped_at) >= AGAIN_S
        if not (due or helps) or self._passed(self._tried_at) < LOOK_S:
            return
        self._tried_at = self._monotonic()
        asked = tasks if self._is_followed else list(due)
        reach = {task: task.soon_quiet_until(until_us) for task in asked if task.is_prompt(still_us)}
        if self._is_followed:
            # All to one time: who reads them waits for the slowest, so what one releases alone would wait all the same.
            together_us = min(reach.values(), default=until_us)
            if not (helps or any(at < together_us for task, at in due.items() if task in reach)):
                return
            reach = dict.fromkeys(reach, together_us)
            self._helped_at = self._tried_at if helps else self._helped_at
        else:
            reach = {task: to for task, to in reach.items() if due[task] < to}
        going = [task for task, to in reach.items() if task.would_move_to(to)]
        self._each(going, lambda task: task.tick_to(reach[task]), done)

    def _each(self, tasks: Sequence[MergedTask], act: Callable[[MergedTask], bool], done: Round) -> None:
        """Do it with each, in one commit where that saves round trips."""
        membership = self._worker.membership
        small = [task for task in tasks if task.waiting <= MOST_TOGETHER]
        if isinstance(membership, CommitsTogether) and len(small) > 1:
            with self._undone_if_refused(small, done):
                with self._worker.one_commit(membership):
                    moved = {task.stream for task in small if act(task)}
                done.moved |= moved
            tasks = [task for task in tasks if task not in small]
        for task in tasks:
            self._alone(task, act, done)

    def _alone(self, task: MergedTask, act: Callable[[MergedTask], bool], done: Round) -> None:
        with self._undone_if_refused([task], done):
            if act(task):
                done.moved.add(task.stream)

    @contextmanager
    def _undone_if_refused(self, tasks: Sequence[MergedTask], done: Round) -> Iterator[None]:
        """Let streams be where they were if one was found to have grown; and be lost if one is somebody else's."""
        before = [task.standing() for task in tasks]
        try:
            yield
        except NotIdle:
            for task, standing in zip(tasks, before, strict=True):
                task.return_to(standing)
            self._tried_at = float("-inf")  # what has come is read next
        except Fenced:
            done.lost |= {task.stream for task in tasks}

    def _is_waited_for(self) -> bool:
        """Whether who follows these streams has had something to read for a while and could not go on."""
        if self._passed(self._looked_at) >= WAITED_FOR_S:
            self._looked_at = self._monotonic()
            if not self._readers_wait():
                self._waited_for_since = None
            elif self._waited_for_since is None:
                self._waited_for_since = self._looked_at
        return self._waited_for_since is not None and self._passed(self._waited_for_since) >= WAITED_FOR_S

    def _readers_wait(self) -> bool:
        answers, broker = self._worker.answers, self._worker.broker
        for group, topics in self._readers.items():
            ends = {part: end for part, end in answers.ends(topics).items() if part.topic in topics}
            if ends == self._caught_up.get(group):
                continue
            places = answers.places(group)
            for part, end in ends.items():
                at = places.get(part)
                following = 0 if at is None else at.next_offset
                # Behind its last record a partition may end with a hole, which costs more to find out.
                if following < end and following < broker.bounds(part)[1]:
                    return True
            self._caught_up[group] = ends
        return False

    def _passed(self, since: float) -> float:
        return self._monotonic() - since
