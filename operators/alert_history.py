"""The history of one fingerprint: episodes as a fold over its marks in order, and what of it is news.

The fold (operators/alert_fold.py) is the whole definition. Marks are told in the order of (place in time, event time,
event id), so the history is a function of the set of marks, not of the order in which they came; a mark that comes out
of order is put into its place and the fold is told again from the last settled mark on. Memory of the marks ends at the
watermark: nothing can come before it any more.

What a row shows is news at once and may be corrected. What only time shows (an alert fires because nothing ended it for
a while, or because nothing was heard at all) is news when the watermark has reached that time, and not before.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from operators.alert_fold import Course, close_now, end_of, fires_at_of, pass_time, ripe_at, tell
from operators.alert_memory import (
    FIRST_EVIDENCE,
    LAST_EVIDENCE,
    MOST_MARKS,
    NEVER,
    REMEMBER_US,
    Episode,
    Mark,
    Memory,
    Published,
)
from operators.alert_rule import AlertRule

COUNT_STEPS: Final = tuple(digit * 10**power for power in range(13) for digit in (1, 2, 5))
"""Counts at which an alert that lasts is news again: 1, 2, 5, 10, 20, 50, ..."""


@dataclass(frozen=True, slots=True)
class News:
    """One revision to be published. `merged_into`: the opening event of the episode that took this one in."""

    episode: Episode
    revision: int
    merged_into: str | None = None


@dataclass(slots=True)
class History:
    """One fingerprint's episodes at work. `memory` is all that must be kept; the rest is told from it.

    `is_retired`: the rule is not among the rules any more; what it published still ends, and nothing else is said.
    """

    rule: AlertRule
    memory: Memory
    is_retired: bool = False
    _closed: list[Episode] = field(default_factory=list)
    _course: Course = field(default_factory=Course)

    def __post_init__(self) -> None:
        """Tell the episodes from what was kept."""
        self._tell_again()

    def add(self, mark: Mark, watermark_us: int) -> list[News]:
        """Take one mark and return what is news by it; one that is there already changes nothing.

        A mark that lies before settled ones is late, and told behind them.
        """
        memory = self.memory
        if memory.settled_until is not None and mark.at < memory.settled_until:
            mark = replace(mark, at=memory.settled_until)
        marks = memory.marks
        if not marks or (marks[-1].at, marks[-1].event_time) < (mark.at, mark.event_time):
            marks.append(mark)
            tell(self.rule, self._course, [mark], self._closed)
        else:
            index = bisect_left(marks, mark.place, key=_place)
            if index < len(marks) and marks[index].place == mark.place:
                return []
            marks.insert(index, mark)
            if not self._put_inside(mark, behind=len(marks) - index - 1):
                self._tell_again()
        if self.rule.absent_s is not None:
            self._leave_out_signs()
        is_full = len(marks) > MOST_MARKS
        # What is settled early is decided, whatever the watermark.
        certain_us = max(watermark_us, marks[0].at) if is_full else watermark_us
        news = self._news(certain_us)
        if is_full:
            self._settle(1)
        self._renew_times(mark.at, certain_us)
        return news

    def settle(self, until_us: int) -> None:
        """Settle the marks before `until_us`: nothing can come before them any more."""
        marks = self.memory.marks
        if marks and marks[0].at < until_us:
            self._settle(bisect_left(marks, until_us, key=_at))

    def fire(self) -> list[News]:
        """Do what is due at the deadline: something fires, or the open episode ends. Return what is news by it."""
        memory, deadline = self.memory, self.memory.deadline
        if deadline is None:
            raise ValueError(f"alert rule {self.rule.name}: fired without a deadline; this is a bug")
        self.settle(deadline)
        # Settled are the marks before the deadline; time has come up to it. A rule that was made more patient since the
        # deadline was set lets nothing happen now.
        course, ended = self._settled_course(), list[Episode]()
        pass_time(self.rule, course, deadline, ended)
        self._keep_course(course)
        self._closed = ended[:]
        self._course = course.copy()
        tell(self.rule, self._course, memory.marks, self._closed)
        news = self._news(deadline)
        self._drop_settled(ended)
        self._renew_times(deadline, deadline)
        return news

    def evict(self, at_us: int) -> list[News]:
        """End the open episode because the device has too many alerts; the memory is to be forgotten after this."""
        if self._course.open is not None:
            close_now(self.rule, self._course, max(at_us, self._course.open.updated_at), "evicted", self._closed)
        return self._news(at_us)

    def pack(self) -> None:
        """Drop the evidence of matches that can never be among the first or last of their alert any more.

        Where nothing clears, an episode can only grow, so a match deep inside it stays there. This keeps the memory
        small of a device that reports often.
        """
        marks, episode = self.memory.marks, self._course.open
        if self._may_be_parted or episode is None or episode.fired_at is None:
            return
        before = episode.count - len(marks)
        for i, mark in enumerate(marks[:-LAST_EVIDENCE]):
            if mark.evidence is not None and before + i >= FIRST_EVIDENCE:
                marks[i] = replace(mark, evidence=None)

    @property
    def _may_be_parted(self) -> bool:
        rule = self.rule
        return bool(rule.clears) or rule.clears_otherwise or not rule.only_matches_inside

    def _settled_course(self) -> Course:
        memory = self.memory
        return Course(memory.settled.copy() if memory.settled is not None else None, memory.openings[:])

    def _keep_course(self, course: Course) -> None:
        self.memory.settled, self.memory.openings = course.open, course.openings

    def _settle(self, count: int) -> None:
        memory = self.memory
        ended: list[Episode] = []
        course = self._settled_course()
        tell(self.rule, course, memory.marks[:count], ended)
        self._keep_course(course)
        memory.settled_until = memory.marks[count - 1].at
        del memory.marks[:count]
        self._drop_settled(ended)

    def _drop_settled(self, ended: Sequence[Episode]) -> None:
        """Forget what was published of episodes that cannot change any more."""
        gone = {episode.opening_id for episode in ended}
        if gone:
            self._closed = [episode for episode in self._closed if episode.opening_id not in gone]
            for opening_id in gone:
                self.memory.published.pop(opening_id, None)

    def _put_inside(self, mark: Mark, *, behind: int) -> bool:
        """Put a match into the middle of the open episode without telling it again, if it can change so little.

        Between the firing and the last match of an open episode there are only matches, `behind` of them after this
        one; another changes the count, perhaps the severity and the last evidence. A device that reports often, a
        little out of order, would otherwise have its whole lateness told again for every row.
        """
        episode = self._course.open
        if (
            not self.rule.only_matches_inside
            or episode is None
            or not mark.raises
            or mark.evidence is None
            or (episode.category is None and mark.category is not None)
        ):
            return False
        if episode.fired_at is None or mark.at <= episode.fired_at or episode.count - behind < FIRST_EVIDENCE:
            return False
        episode.count += 1
        episode.severity = min(episode.severity, mark.severity)
        if behind < LAST_EVIDENCE:
            episode.last.insert(len(episode.last) - behind, mark.evidence)
            del episode.last[:-LAST_EVIDENCE]
        return True

    def _leave_out_signs(self) -> None:
        """Forget signs of life between two that lie so close that there was no silence between them.

        Whatever comes later can only part a silence, never make one, so they can never matter again.
        """
        kept: list[Mark] = []
        for mark in self.memory.marks:
            while len(kept) > 1 and mark.at - kept[-2].at < self.rule.waits_us:
                kept.pop()
            kept.append(mark)
        self.memory.marks[:] = kept

    def _tell_again(self) -> None:
        self._closed = []
        self._course = self._settled_course()
        tell(self.rule, self._course, self.memory.marks, self._closed)

    def _renew_times(self, at_us: int, certain_us: int) -> None:
        memory, episode = self.memory, self._course.open
        times = [ripe_at(self.rule, one) for one in self._closed if one.fired_at is not None] if self._waits else []
        if episode is not None:
            end, fires_at = end_of(self.rule, episode), fires_at_of(self.rule, episode)
            times += [fires_at] if fires_at is not None else []
            times += [end[0]] if end is not None else []
            if self._waits and episode.fired_at is not None:
                times.append(ripe_at(self.rule, episode))
        memory.deadline = min((time for time in times if time > certain_us), default=None)
        if episode is not None:
            memory.expires_at = max(times) + REMEMBER_US
            return
        # A clear that met nothing matters only until nothing can come before it.
        memory.expires_at = max(memory.expires_at, at_us + (REMEMBER_US if memory.revision else 1))
        if memory.deadline is not None:
            memory.expires_at = max(memory.expires_at, memory.deadline + 1)

    @property
    def _waits(self) -> bool:
        return self.rule.waits_us > 0

    def _known(self, certain_us: int) -> list[Episode]:
        """Return the episodes as they are known when time is certain up to `certain_us`, in order."""
        episodes = [*self._closed, self._course.open] if self._course.open is not None else self._closed
        if self.is_retired:
            return [episode for episode in episodes if episode.opening_id in self.memory.published]
        if not self._waits:
            return episodes
        known = []
        for episode in episodes:
            if episode.fired_at is not None and ripe_at(self.rule, episode) <= certain_us:
                known.append(episode)
            elif self.rule.absent_s is None:
                # What follows from its firing is not known yet either.
                has_fired = episode.fired_at is not None
                unripe = replace(episode, fired_at=None, resolved_at=None, resolved_by=None) if has_fired else episode
                known.append(unripe)
        return known

    def _news(self, certain_us: int = NEVER) -> list[News]:
        """Compare the episodes with what was published; return what differs, the newest episode last.

        The alerts topic keeps one record of a fingerprint, the last, so a correction of an older episode is followed by
        the newest once more.
        """
        published = self.memory.published
        episodes = self._known(certain_us)
        news = []
        if len(published) > 1 or len(episodes) != 1 or episodes[0].opening_id not in published:
            there = {episode.opening_id for episode in episodes}
            for opening_id in [opening_id for opening_id in published if opening_id not in there]:
                news.append(self._taken_back(opening_id, published.pop(opening_id), episodes))
        for episode in episodes:
            now = _published(episode)
            if published.get(episode.opening_id) != now or (news and episode is episodes[-1]):
                published[episode.opening_id] = now
                news.append(self._revise(episode))
        return news

    def _revise(self, episode: Episode, merged_into: str | None = None) -> News:
        self.memory.revision += 1
        return News(episode, self.memory.revision, merged_into)

    def _taken_back(self, opening_id: str, said: Published, episodes: Sequence[Episode]) -> News:
        """An episode whose opening match turned out to belong to an earlier one.

        After a change of the rule there may be none that took it in, nor its mark.
        """
        found = [mark for mark in self.memory.marks if mark.raises and mark.event_id == opening_id]
        mark = found[0] if found else Mark(said.opened_at, said.opened_at, opening_id, raises=True)
        into = [episode.opening_id for episode in episodes if episode.opened_at <= mark.at]
        episode = Episode(
            opening_id=opening_id,
            opened_at=said.opened_at,
            updated_at=mark.at,
            severity=said.severity,
            count=1,
            category=mark.category,
            first=[mark.evidence] if mark.evidence else [],
            resolved_at=said.opened_at,
            resolved_by="merged",
        )
        return self._revise(episode, into[-1] if into else None)


def _published(episode: Episode) -> Published:
    if episode.resolved_at is not None:
        return Published(
            episode.state,
            episode.severity,
            episode.opened_at,
            episode.count,
            episode.updated_at,
            episode.resolved_at,
            episode.resolved_by,
            episode.flapping,
        )
    # A pending alert is news once; one that fires, again at every step of its count.
    step = 0 if episode.fired_at is None else COUNT_STEPS[bisect_right(COUNT_STEPS, episode.count) - 1]
    return Published(episode.state, episode.severity, episode.opened_at, step, flapping=episode.flapping)


def _place(mark: Mark) -> tuple[int, int, str]:
    return mark.place


def _at(mark: Mark) -> int:
    return mark.at
