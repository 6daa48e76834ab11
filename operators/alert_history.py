"""The history of one fingerprint: episodes as a fold over its marks in order, and what of it is news.

The fold is the whole definition. Marks are told in the order of (place in time, event time, event id), so the history
is a function of the set of marks, not of the order in which they came; a mark that comes out of order is put into its
place and the fold is told again from the last settled mark on. Memory of the marks ends at the watermark: nothing can
come before it any more.

Rules of the fold, all half-open so that nothing hangs on who is first at one instant:
- a match within the quiet time of the last one belongs to its episode; at or after the deadline it begins a new one;
- a clear ends the episode that is open; with none open it says nothing;
- at one instant, what is open is cleared before it is raised anew, and what is not open is raised before it is
  cleared: a device whose clock counts seconds alternates.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from operators.alert_memory import (
    FIRST_EVIDENCE,
    LAST_EVIDENCE,
    MOST_MARKS,
    REMEMBER_US,
    Episode,
    Mark,
    Memory,
    Published,
    keep_evidence,
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
    """One fingerprint's episodes at work. `memory` is all that must be kept; the rest is told from it."""

    rule: AlertRule
    memory: Memory
    _closed: list[Episode] = field(default_factory=list)
    _open: Episode | None = None

    def __post_init__(self) -> None:
        """Tell the episodes from what was kept."""
        self._tell_again()

    def add(self, mark: Mark) -> list[News]:
        """Take one mark and return what is news by it; one that is there already changes nothing.

        A mark that lies before settled ones is late, and told behind them.
        """
        memory = self.memory
        if memory.settled_until is not None and mark.at < memory.settled_until:
            mark = replace(mark, at=memory.settled_until)
        marks = memory.marks
        if not marks or (marks[-1].at, marks[-1].event_time) < (mark.at, mark.event_time):
            marks.append(mark)
            self._open = _tell(self.rule, self._open, [mark], self._closed)
        else:
            index = bisect_left(marks, mark.place, key=_place)
            if index < len(marks) and marks[index].place == mark.place:
                return []
            marks.insert(index, mark)
            if not self._put_inside(mark, behind=len(marks) - index - 1):
                self._tell_again()
        news = self._news()
        if len(marks) > MOST_MARKS:
            self._settle(1)
        self._renew_times(mark.at)
        return news

    def settle(self, until_us: int) -> None:
        """Settle the marks before `until_us`: nothing can come before them any more."""
        marks = self.memory.marks
        if marks and marks[0].at < until_us:
            self._settle(bisect_left(marks, until_us, key=_at))

    def fire(self) -> list[News]:
        """Do what is due at the deadline: the open episode ends by quiet. Return what is news by it."""
        deadline = self.memory.deadline
        if deadline is None:
            raise ValueError(f"alert rule {self.rule.name}: fired without a deadline; this is a bug")
        self.settle(deadline)
        if self._open is not None and (quiet_at := _quiet_at(self.rule, self._open)) > deadline:
            # The rule was changed since the deadline was set, and is more patient now.
            self.memory.deadline, self.memory.expires_at = quiet_at, quiet_at + REMEMBER_US
            return []
        if self._open is not None:
            self._end(quiet_at, "quiet")
        news = self._news()
        self._drop_settled([self.memory.settled] if self.memory.settled else [])
        self.memory.settled = None
        self._renew_times(deadline)
        return news

    def evict(self, at_us: int) -> list[News]:
        """End the open episode because the device has too many alerts; the memory is to be forgotten after this."""
        if self._open is not None:
            self._end(max(at_us, self._open.updated_at), "evicted")
        return self._news()

    def pack(self) -> None:
        """Drop the evidence of matches that can never be among the first or last of their alert any more.

        Where nothing clears, an episode can only grow, so a match deep inside it stays there. This keeps the memory
        small of a device that reports often.
        """
        marks, episode = self.memory.marks, self._open
        if self.rule.clears or episode is None or episode.fired_at is None:
            return
        before = episode.count - len(marks)
        for i, mark in enumerate(marks[:-LAST_EVIDENCE]):
            if mark.evidence is not None and before + i >= FIRST_EVIDENCE:
                marks[i] = replace(mark, evidence=None)

    def _end(self, at_us: int, by: str) -> None:
        assert self._open is not None
        self._open.resolved_at, self._open.resolved_by = at_us, by
        self._closed.append(self._open)
        self._open = None

    def _settle(self, count: int) -> None:
        memory = self.memory
        ended: list[Episode] = []
        memory.settled = _tell(self.rule, memory.settled, memory.marks[:count], ended)
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
        episode = self._open
        if (
            episode is None
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

    def _tell_again(self) -> None:
        settled = self.memory.settled
        self._closed = []
        self._open = _tell(self.rule, settled.copy() if settled else None, self.memory.marks, self._closed)

    def _renew_times(self, at_us: int) -> None:
        memory = self.memory
        if self._open is not None:
            memory.deadline = _quiet_at(self.rule, self._open)
            memory.expires_at = memory.deadline + REMEMBER_US
            return
        memory.deadline = None
        # A clear that met nothing matters only until nothing can come before it.
        memory.expires_at = max(memory.expires_at, at_us + (REMEMBER_US if memory.revision else 1))

    def _news(self) -> list[News]:
        """Compare the episodes with what was published; return what differs, the newest episode last.

        The alerts topic keeps one record of a fingerprint, the last, so a correction of an older episode is followed by
        the newest once more.
        """
        published = self.memory.published
        episodes = [*self._closed, self._open] if self._open is not None else self._closed
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
        """An episode whose opening match turned out to belong to an earlier one."""
        mark = next(mark for mark in self.memory.marks if mark.raises and mark.event_id == opening_id)
        into = [episode for episode in episodes if episode.opened_at <= mark.at][-1]
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
        return self._revise(episode, into.opening_id)


def _tell(rule: AlertRule, episode: Episode | None, marks: Sequence[Mark], closed: list[Episode]) -> Episode | None:
    """Go on with `episode` (the open one) through `marks`; append to `closed` what ended, return what is open."""
    start = 0
    while start < len(marks):
        at, event_time = marks[start].at, marks[start].event_time
        end = start + 1
        while end < len(marks) and (marks[end].at, marks[end].event_time) == (at, event_time):
            end += 1
        if episode is not None and (quiet_at := _quiet_at(rule, episode)) <= at:
            episode.resolved_at, episode.resolved_by = quiet_at, "quiet"
            closed.append(episode)
            episode = None
        instant = marks[start:end]
        if end - start > 1:
            clears_first = episode is not None
            instant = sorted(instant, key=lambda mark: mark.raises if clears_first else not mark.raises)
        for mark in instant:
            if mark.raises:
                episode = _raise(rule, episode, mark)
            elif episode is not None:
                episode.resolved_at, episode.resolved_by = at, "clear"
                closed.append(episode)
                episode = None
        start = end
    return episode


def _raise(rule: AlertRule, episode: Episode | None, mark: Mark) -> Episode:
    if episode is None:
        episode = Episode(mark.event_id, opened_at=mark.at, updated_at=mark.at, severity=mark.severity)
    episode.updated_at = mark.at
    episode.severity = min(episode.severity, mark.severity)
    episode.category = episode.category or mark.category
    episode.count += 1
    if mark.evidence is not None:
        keep_evidence(episode, mark.evidence)
    if episode.fired_at is None:
        recent = (
            [at for at in episode.recent if mark.at - at < rule.within_us][-(rule.count - 1) :]
            if rule.count > 1
            else []
        )
        episode.recent = [*recent, mark.at]
        if len(episode.recent) >= rule.count:
            episode.fired_at, episode.recent = mark.at, []
    return episode


def _quiet_at(rule: AlertRule, episode: Episode) -> int:
    return episode.updated_at + (rule.within_us if episode.fired_at is None else rule.resolve_after_us)


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
        )
    # A pending alert is news once; one that fires, again at every step of its count.
    step = 0 if episode.fired_at is None else COUNT_STEPS[bisect_right(COUNT_STEPS, episode.count) - 1]
    return Published(episode.state, episode.severity, episode.opened_at, step)


def _place(mark: Mark) -> tuple[int, int, str]:
    return mark.place


def _at(mark: Mark) -> int:
    return mark.at
