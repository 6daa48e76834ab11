"""Whether people can be told of alerts: the file notify.toml, where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipelines.doctor.finding import Finding
from pipelines.notify.notify_file import FILE_NAME, NoSecret, WrongPlan, read_notify_file
from pipelines.notify.plan import Plan

AREA = "notify"


def look_at_notify(folder: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Return what there is to say of the folder's notify.toml; nothing where there is none.

    A secret that is not to be had here is no mistake: this may be the machine of whoever writes the file.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    try:
        plan = read_notify_file(path, environment).plan
    except NoSecret as missing:
        return [Finding(AREA, "look", f"{missing}; the routes are fine, the addresses cannot all be read here")]
    except WrongPlan as wrong:
        return [Finding(AREA, "wrong", str(wrong))]
    told = ", ".join(f"{one.name} ({one.language})" if one.language else one.name for one in plan.receivers.values())
    return [Finding(AREA, "fine", f"{path}: {_routes(plan)} to {told}")]


def _routes(plan: Plan) -> str:
    count = sum(1 for _ in plan.route.walk())
    return f"{count} route" if count == 1 else f"{count} routes"
