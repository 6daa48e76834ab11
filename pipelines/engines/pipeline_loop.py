"""One pipeline's work in one process, round after round: look who owns what, and take a step on each owned stream."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from infra.broker import Attempt, BrokerAway, CommitsTogether, Fenced, NotIdle, Stream, TopicPartition
from pipelines.engines.followers import Followers, Round
from pipelines.engines.graph import streams_of
from pipelines.engines.merged_task import MergedTask
from pipelines.engines.stream_task import StreamTask, step_in_lanes
from pipelines.engines.tasks import Task, Ticks, take_step, task_of
from pipelines.engines.watchdog import Pulse
from pipelines.engines.work import Worker

log = logging.getLogger(__name__)

# How long to leave a broker alone that does not answer, and how soon an end of the job is noticed meanwhile.
AWAY_S = 1.0
AWAY_LOOK_S = 0.1
# Steps that are taken together: each of so many records at most, and so few that the first does not wait for the last.
MOST_TOGETHER = 500


@dataclass(slots=True)
class PipelineLoop:
    """Runs until `ended`; with `until_end` until everything that lies in the sources is worked through.

    `pulse` is told what the loop is at, for a watchdog. `is_fed` tells whether all that feeds this pipeline is done,
    `is_through` whether its group has committed everything; `maintain` looks after the broker now and then. `decided`
    gives the ticks that an earlier process decided on a stream and did not finish, where that can be.
    """

    worker: Worker
    ended: Callable[[], bool]
    is_fed: Callable[[], bool]
    is_through: Callable[[], bool]
    until_end: bool
    pulse: Pulse
    ticks: Ticks = field(default_factory=dict)
    maintain: Callable[[], None] | None = None
    decided: Callable[[Stream], Ticks] | None = None
    _tasks: dict[Stream, Task] = field(default_factory=dict)
    _quiet_since: dict[Stream, float] = field(default_factory=dict)
    _maintained: float = field(default_factory=time.monotonic)
    _away_since: float | None = None
    _followers: Followers | None = None

    def __post_init__(self) -> None:
        """Streams that follow another pipeline's time are worked on together."""
        if self.worker.pipeline.upstream:
            self._followers = Followers(self.worker)

    def run(self) -> None:
        """Work until it is over; raises what cannot mend itself."""
        while not self.ended():
            try:
                if self._round():
                    return
            except BrokerAway as error:
                if self.until_end:
                    raise
                # Nothing was half written, so there is nothing to do but wait: a worker that stays goes on at once
                # when the broker is back. Who scheduled a bounded run decides for himself whether to try again.
                self._wait_out(error)
            else:
                if self._away_since is not None:
                    seconds = time.monotonic() - self._away_since
                    log.warning("%s: the broker is back after %.0f s", self.worker.pipeline.name, seconds)
                    self._away_since = None

    def _round(self) -> bool:
        """Take one step on each stream; True when everything is worked through."""
        broker, settings = self.worker.broker, self.worker.settings
        self.worker.answers.begin()
        sources = [topic.name for topic in self.worker.pipeline.sources]
        # Whether the upstream is through must be asked before looking at the ends: what it still wrote is seen. And
        # what an open transaction hides must have come to light, or have been given up.
        last_round = self.until_end and self.is_fed() and broker.settled(sources)
        owned = self.worker.membership.owned()
        self._tasks = {stream: task for stream, task in self._tasks.items() if stream in owned}
        self.pulse.forget(frozenset(stream.name for stream in owned))
        if self._followers is not None:
            moved = self._follow(self._followers, owned, last_round)
        else:
            moved = self._step_each(owned, broker.ends(sources), last_round)
        # Streams that others hold are waited for: one of a dead member comes to this one when its session has ended.
        if last_round and not moved and (len(owned) == len(streams_of(self.worker.pipeline)) or self.is_through()):
            return True
        if self.maintain is not None and time.monotonic() - self._maintained > settings.maintain_s:
            self._maintained = time.monotonic()
            self.maintain()
        if not moved:
            due_in_s = float("inf") if self._followers is None else self._followers.due_in_s()
            broker.wait(min(settings.poll_s, due_in_s))
        return False

    def _step_each(self, owned: Sequence[Stream], ends: Mapping[TopicPartition, int], last_round: bool) -> bool:
        together = self._step_together(owned, ends)
        moved = bool(together)
        for stream in owned:
            if self.ended():
                break
            if stream in together:
                continue
            self.pulse.begin(stream.name)
            try:
                stepped = self._step(stream, ends, last_round)
                at_end = self._tasks[stream].at_end(ends)
            except (Fenced, NotIdle):
                # Somebody else has the stream, or somebody has written: begin again from what is committed.
                self._tasks.pop(stream, None)
                stepped, at_end = True, False
            self.pulse.end(stream.name, moved=stepped, at_end=at_end)
            moved |= stepped
        return moved

    def _follow(self, followers: Followers, owned: Sequence[Stream], last_round: bool) -> bool:
        """Take a step on each stream that follows another pipeline's time; all of them together."""
        if not owned:
            return False
        self.pulse.begin(", ".join(stream.name for stream in owned))
        try:
            done = self._followed(followers, owned, last_round)
        except (Fenced, NotIdle):
            done = Round(lost=set(owned))
        ends = self.worker.answers.ends([topic.name for topic in self.worker.pipeline.sources])
        for stream in owned:
            if stream in done.lost:
                # Somebody else has the stream, or somebody has written: begin again from what is committed.
                self._tasks.pop(stream, None)
            # Who has read everything and waits for another pipeline's time is not stuck.
            at_end = stream in self._tasks and self._tasks[stream].all_read(ends)
            self.pulse.end(stream.name, moved=stream in done.moved | done.lost, at_end=at_end)
        return bool(done.moved | done.lost)

    def _followed(self, followers: Followers, owned: Sequence[Stream], last_round: bool) -> Round:
        tasks = [task for stream in owned if isinstance(task := self._known(stream), MergedTask)]
        reached_us = {task.stream: task.frontier_us for task in tasks}
        done = followers.step(tasks)
        if self.until_end:
            ends = self.worker.answers.ends([topic.name for topic in self.worker.pipeline.sources])
            left = [task for task in tasks if task.stream not in done.moved | done.lost and task.all_read(ends)]
            followers.finish(left if last_round else [], done)
        elif not done.lost and not self.ended():
            now, tick_s = time.monotonic(), self.worker.settings.tick_s
            still_s = {stream: now - self._quiet_since[stream] for stream in owned}
            followers.tick(tasks, still_s, done)
            self._quiet_since |= {one: now for one, still in still_s.items() if tick_s is not None and still >= tick_s}
        for task in tasks:
            if task.frontier_us != reached_us[task.stream]:
                self._quiet_since[task.stream] = time.monotonic()
        return done

    def _step_together(self, owned: Sequence[Stream], ends: Mapping[TopicPartition, int]) -> set[Stream]:
        """Take small steps of several streams with one write before and one transaction behind; return whose they were.

        Where a commit costs round trips, an event in one partition would else wait for those of all the others. A
        large step goes alone: the trips are a small part of it, and what is under way in a transaction lies in memory.
        """
        membership = self.worker.membership
        if not isinstance(membership, CommitsTogether) or self.worker.pipeline.merge:
            return set()
        done: set[Stream] = set()
        attempts: dict[Stream, Attempt] = {}
        left = MOST_TOGETHER
        for stream in owned:
            task = self._tasks.get(stream)
            if not isinstance(task, StreamTask) or task.at_end(ends) or (found := task.look_ahead()) is None:
                continue
            attempt, records = found
            if records <= MOST_TOGETHER:
                attempts[stream] = attempt
                left -= records
            if left <= 0:
                done |= self._take(membership, attempts)
                attempts, left = {}, MOST_TOGETHER
        return done | self._take(membership, attempts)

    def _take(self, membership: CommitsTogether, attempts: Mapping[Stream, Attempt]) -> set[Stream]:
        if len(attempts) < 2 or self.ended():  # one alone has nobody to go with
            return set()
        try:
            membership.begin_attempts(attempts)
            with self.worker.one_commit(membership):
                for tasks in self._by_topic(attempts):
                    self.pulse.begin(", ".join(task.stream.name for task in tasks))
                    step_in_lanes(tasks)
        except (Fenced, NotIdle):
            for stream in attempts:
                self._tasks.pop(stream, None)
        now = time.monotonic()
        for stream in attempts:
            self.pulse.end(stream.name, moved=True, at_end=False)
            self._quiet_since[stream] = now
        return set(attempts)

    def _by_topic(self, streams: Iterable[Stream]) -> list[list[StreamTask]]:
        """Return the tasks of these streams; rows of one topic have the same columns and can share a batch."""
        found: dict[str, list[StreamTask]] = defaultdict(list)
        for stream in streams:
            task = self._tasks[stream]
            assert isinstance(task, StreamTask)
            found[stream.parts[0].topic].append(task)
        return list(found.values())

    def _step(self, stream: Stream, ends: Mapping[TopicPartition, int], last_round: bool) -> bool:
        # A new task looks once even at an end, so that the broker knows whose news it waits for.
        new = stream not in self._tasks
        task = self._known(stream)
        if new or not task.at_end(ends):
            stepped, quiet = take_step(task)
            if not quiet:
                self._quiet_since[stream] = time.monotonic()
            if stepped:
                return True
        if not self.until_end:
            return self._tick(task)
        return last_round and task.all_read(ends) and task.finish()

    def _known(self, stream: Stream) -> Task:
        if stream not in self._tasks:
            self._tasks[stream] = self._task(stream)
            self._quiet_since[stream] = time.monotonic()
        return self._tasks[stream]

    def _task(self, stream: Stream) -> Task:
        ticks = self.ticks if self.decided is None else {**self.ticks, **self.decided(stream)}
        return task_of(self.worker, stream, ticks)

    def _tick(self, task: Task) -> bool:
        settings = self.worker.settings
        if settings.tick_s is None or time.monotonic() - self._quiet_since[task.stream] < settings.tick_s:
            return False
        self._quiet_since[task.stream] = time.monotonic()
        return task.tick(self.worker.clock() - settings.rules.lateness_us)

    def _wait_out(self, error: BrokerAway) -> None:
        self._tasks.clear()
        self.pulse.rest()
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning("%s: %s; waiting for it", self.worker.pipeline.name, error)
        until = time.monotonic() + AWAY_S
        while time.monotonic() < until and not self.ended():
            time.sleep(AWAY_LOOK_S)
