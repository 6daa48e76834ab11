"""Escalation: which alerts nobody has acknowledged, so that somebody else is told."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.notify.book import Known


def unacknowledged(members: Iterable[Known], id_: str, steps: int) -> list[Known]:
    """Return the alerts that the group `id_` has told, that still fire, and that have taken so many steps."""
    return [
        one
        for one in members
        if one.alert.firing
        and not one.is_acknowledged
        and (told := one.told.get(id_)) is not None
        and told.tried
        and told.alert_id == one.alert.alert_id
        and told.steps == steps
    ]
