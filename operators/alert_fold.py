"""The fold that makes episodes of marks: the whole definition of when an alert opens, fires and ends.

Rules of the fold, all half-open so that nothing hangs on who is first at one instant:
- a match within the quiet time of the last one belongs to its episode; at or after the deadline it begins a new one;
- an episode fires when its condition is met and it has lasted `waits_us`; one that would end at that instant, ends;
- a clear ends the episode that is open, and with none open it says nothing; one that fires and is kept firing ends so
  much later, unless a match comes before;
- at one instant, what is open is cleared before it is raised anew, and what is not open is raised before it is
  cleared: a device whose clock counts seconds alternates;
- under a rule of absence each mark is a sign of life: it ends the episode before, which nobody has heard of unless it
  fired, and begins the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from operators.alert_memory import NEVER, Episode, Mark, keep_evidence
from operators.alert_rule import AlertRule


@dataclass(slots=True)
class Course:
    """Where the fold stands: the episode that is open, and when the last ones opened that fired and ended."""

    open: Episode | None = None
    openings: list[int] = field(default_factory=list)

    def copy(self) -> Course:
        """Return a copy whose changes do not show here."""
        return Course(self.open.copy() if self.open is not None else None, self.openings[:])


def tell(rule: AlertRule, course: Course, marks: Sequence[Mark], closed: list[Episode]) -> None:
    """Go on through `marks`, in order; append to `closed` what ended."""
    start = 0
    while start < len(marks):
        at, event_time = marks[start].at, marks[start].event_time
        end = start + 1
        while end < len(marks) and (marks[end].at, marks[end].event_time) == (at, event_time):
            end += 1
        pass_time(rule, course, at, closed)
        instant = marks[start:end]
        if end - start > 1 and rule.absent_s is None:
            clears_first = course.open is not None
            # Sorting is stable: those of a kind keep the order of their ids.
            instant = sorted(instant, key=attrgetter("raises"), reverse=not clears_first)
        for mark in instant:
            if rule.absent_s is not None:
                _live(rule, course, mark, closed)
            elif mark.raises:
                _raise(rule, course, mark)
            else:
                _clear(rule, course, at, closed)
        start = end


def pass_time(rule: AlertRule, course: Course, until_us: int, closed: list[Episode]) -> None:
    """Let what is open fire and end by `until_us`, as if no mark came before that."""
    episode = course.open
    if episode is None:
        return
    end = end_of(rule, episode)
    fires_at = fires_at_of(rule, episode)
    if fires_at is not None and fires_at <= until_us and (end is None or fires_at < end[0]):
        episode.fired_at = fires_at
        end = end_of(rule, episode)
    if end is not None and end[0] <= until_us:
        _close(rule, course, *end, closed)


def ripe_at(rule: AlertRule, episode: Episode) -> int:
    """Return when an episode has lasted long enough to fire."""
    return episode.opened_at + rule.waits_us


def fires_at_of(rule: AlertRule, episode: Episode) -> int | None:
    """Return when an episode that has not fired will, if nothing comes; None where something must come."""
    if episode.fired_at is not None or episode.met_at is None:
        return None
    return max(episode.met_at, ripe_at(rule, episode))


def end_of(rule: AlertRule, episode: Episode) -> tuple[int, str] | None:
    """Return when an open episode ends if nothing comes, and by what; None for a silence that has not fired."""
    if rule.absent_s is not None:
        return None if episode.fired_at is None else (episode.fired_at + rule.resolve_after_us, "quiet")
    met = episode.met_at is not None or episode.fired_at is not None
    patience, kept = rule.resolve_after_us if met else rule.within_us, rule.keep_firing_for_us
    if episode.flapping and rule.flapping is not None:
        patience, kept = max(patience, rule.flapping.within_us), max(kept, rule.flapping.within_us)
    quiet = (episode.updated_at + patience, "quiet")
    return quiet if episode.cleared_at is None else min((episode.cleared_at + kept, "clear"), quiet)


def close_now(rule: AlertRule, course: Course, at_us: int, by: str, closed: list[Episode]) -> None:
    """End the open episode, whatever the rule says."""
    if course.open is not None:
        _close(rule, course, at_us, by, closed)


def _close(rule: AlertRule, course: Course, at: int, by: str, closed: list[Episode]) -> None:
    episode = course.open
    assert episode is not None
    episode.resolved_at, episode.resolved_by = at, by
    course.open = None
    if episode.fired_at is not None or rule.absent_s is None:
        closed.append(episode)
    if rule.flapping is not None and episode.fired_at is not None:
        course.openings = [*course.openings, episode.opened_at][-rule.flapping.count :]


def _live(rule: AlertRule, course: Course, mark: Mark, closed: list[Episode]) -> None:
    close_now(rule, course, mark.at, "clear", closed)
    course.open = _opened(rule, course, mark)
    course.open.met_at = mark.at
    _support(course.open, mark)


def _clear(rule: AlertRule, course: Course, at: int, closed: list[Episode]) -> None:
    episode = course.open
    if episode is None:
        return
    if episode.fired_at is not None and (rule.keep_firing_for_us or episode.flapping):
        if episode.cleared_at is None:
            episode.cleared_at = at
    else:
        _close(rule, course, at, "clear", closed)


def _raise(rule: AlertRule, course: Course, mark: Mark) -> None:
    episode = course.open
    if episode is None:
        episode = course.open = _opened(rule, course, mark)
    episode.cleared_at = None
    _support(episode, mark)
    if episode.met_at is None and episode.fired_at is None and _is_met(rule, episode, mark):
        episode.met_at, episode.recent = mark.at, []
    if (fires_at := fires_at_of(rule, episode)) is not None and fires_at <= mark.at:
        episode.fired_at = fires_at


def _opened(rule: AlertRule, course: Course, mark: Mark) -> Episode:
    episode = Episode(mark.event_id, opened_at=mark.at, updated_at=mark.at, severity=mark.severity)
    damping = rule.flapping
    if damping is not None:
        lately = sum(mark.at - opened_at < damping.within_us for opened_at in course.openings)
        if lately >= damping.count:
            episode.flapping = lately + 1
    return episode


def _support(episode: Episode, mark: Mark) -> None:
    episode.updated_at = mark.at
    episode.severity = min(episode.severity, mark.severity)
    episode.category = episode.category or mark.category
    episode.count += 1
    if mark.evidence is not None:
        keep_evidence(episode, mark.evidence)


def _is_met(rule: AlertRule, episode: Episode, mark: Mark) -> bool:
    """Take a match into what is remembered of the latest ones; say whether the condition is met by it."""
    if rule.together:
        latest = episode.recent if len(episode.recent) == len(rule.together) else [NEVER] * len(rule.together)
        episode.recent = [mark.at if mark.groups >> i & 1 else at for i, at in enumerate(latest)]
        return mark.at - min(episode.recent) < rule.within_us
    kept = [at for at in episode.recent if mark.at - at < rule.within_us]
    episode.recent = [*kept[-(rule.count - 1) :], mark.at] if rule.count > 1 else [mark.at]
    return len(episode.recent) >= rule.count
