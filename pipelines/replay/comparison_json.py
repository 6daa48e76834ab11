"""The whole comparison as JSON, for programs and for CI. Keys are stable: further ones may come, none goes."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson

from pipelines.drift.told import drift_object
from pipelines.replay.compare import Change
from pipelines.replay.compare_answers import TopicDifference
from pipelines.replay.comparison import Comparison, SideFacts
from pipelines.replay.costs import MISS_COSTS, CostCurve
from pipelines.replay.episodes import Episode
from pipelines.replay.evaluation import Evaluation
from pipelines.replay.incidents import Incident
from pipelines.replay.measure import DEFINITIONS
from pipelines.replay.notable import BY, changed_most
from pipelines.seen_event import time_text


def comparison_json(comparison: Comparison, *, indent: bool = False) -> bytes:
    """Return it as one JSON object; times are RFC 3339, shares in [0, 1], delays in seconds.

    The same replay gives the same bytes, but for `timings`.
    """
    return orjson.dumps(comparison_object(comparison), option=orjson.OPT_INDENT_2 if indent else None)


def comparison_object(comparison: Comparison) -> dict[str, Any]:
    """Return it as plain values."""
    survey, alerts = comparison.survey, comparison.alerts
    found: dict[str, Any] = {
        "history": {
            "broker": comparison.history,
            "topics": list(comparison.topics_read),
            "events": dict(survey.events),
            "refused": survey.refused,
            "devices": len(survey.devices),
            "from": None if survey.first_us is None else time_text(survey.first_us),
            "until": None if survey.until_us is None else time_text(survey.until_us),
        },
        "baseline": None if comparison.baseline is None else _side(comparison.baseline),
        "candidate": _side(comparison.candidate),
        "tolerance": comparison.tolerance,
        "differing_share": comparison.differing_share,
        "within_tolerance": comparison.within_tolerance,
        "notes": list(comparison.notes),
    }
    if alerts is not None:
        found["alerts"] = {
            "same": len(alerts.same),
            "differing": alerts.differing,
            "by_kind": alerts.by_kind(),
            "changed_most": {by: [{by: name, **ways} for name, ways in changed_most(alerts, by)] for by in BY},
            "added": [_alert(one, comparison) for one in alerts.added],
            "gone": [_alert(one, comparison) for one in alerts.gone],
            "changed": [_change(one, comparison) for one in alerts.changed],
            "unknown": [_alert(one, comparison) for one in alerts.unknown],
        }
    found["topics"] = {name: _topic(one) for name, one in comparison.topics.items()}
    if comparison.evaluation is not None:
        found |= _evaluation(comparison.evaluation)
    found["quality"] = _quality(comparison)
    found["drift"] = {
        role: [
            {**drift_object(one.whole), "windows": [{"from": name, **drift_object(of)} for name, of in one.windows]}
            for one in side.drift
        ]
        for role, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate))
        if side is not None
    }
    found["timings"] = {
        role: round(side.seconds, 3)
        for role, side in (("baseline_s", comparison.baseline), ("candidate_s", comparison.candidate))
        if side is not None
    }
    return found


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "scores": {name: dataclasses.asdict(one) for name, one in evaluation.scores.items()},
        "definitions": list(DEFINITIONS),
        "incidents": [_incident(one) for one in evaluation.incidents],
        "costs": {"miss_cost": evaluation.miss_cost, "sides": {n: _costs(c) for n, c in evaluation.costs.items()}},
    }
    if (sure := evaluation.certainty) is not None:
        found["intervals"] = {
            "level": 0.95,
            "seed": sure.seed,
            "resamples": sure.resamples,
            "device_days": sure.device_days,
            "sides": {name: dict(one) for name, one in sure.sides.items()},
            "difference": None if sure.difference is None else dict(sure.difference),
        }
    return found


def _quality(comparison: Comparison) -> dict[str, Any]:
    tally, cold = comparison.survey.tally, comparison.quality
    found: dict[str, Any] = {
        "expectations": [
            {"topic": topic, "expected": str(one), **dataclasses.asdict(count), "holds": count.holds(one)}
            for topic, counts in tally.topics.items()
            for one, count in counts.items()
        ]
    }
    if cold is not None:
        found["great_expectations"] = {
            "status": cold.status,
            "windows": cold.windows,
            "checks": len(cold.checks),
            "failed": [dataclasses.asdict(one) for one in cold.failed],
            "notes": list(cold.notes),
        }
    return found


def _costs(curve: CostCurve) -> dict[str, Any]:
    return {
        "points": [dataclasses.asdict(point) for point in curve.points],
        "best": [
            {"miss_cost": cost, "as_it_is": curve.as_it_is.cost(cost), "cost": best.cost(cost)}
            | dataclasses.asdict(best)
            for cost in MISS_COSTS
            for best in (curve.best(cost),)
        ],
    }


def _side(side: SideFacts) -> dict[str, Any]:
    return {
        "name": side.name,
        "models": dict(side.models),
        "dead_letters": side.dead_letters,
        "alerts": [_plain_alert(one) for one in side.alerts],
    }


def _plain_alert(alert: Episode) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "fingerprint": alert.fingerprint,
        "device_id": alert.device_id,
        "rule": alert.rule,
        "severity": alert.severity,
        "state": alert.state,
        "category": alert.category,
        "summary": alert.summary,
        "opened_at": time_text(alert.opened_us),
        "fired_at": time_text(alert.fired_us),
        "resolved_at": None if alert.resolved_us is None else time_text(alert.resolved_us),
        "resolved_by": alert.resolved_by,
        "count": alert.count,
    }


def _alert(alert: Episode, comparison: Comparison) -> dict[str, Any]:
    evidence = []
    for one in alert.evidence:
        said = comparison.said.get(str(one.get("event_id")))
        evidence.append(dict(one) | ({} if said is None else {"baseline": said.before, "candidate": said.after}))
    return _plain_alert(alert) | {"evidence": evidence}


def _change(change: Change, comparison: Comparison) -> dict[str, Any]:
    return {
        "kinds": list(change.kinds),
        "sooner_s": change.sooner_s,
        "baseline": _alert(change.before, comparison),
        "candidate": _alert(change.after, comparison),
    }


def _topic(topic: TopicDifference) -> dict[str, Any]:
    return {
        "both": topic.both,
        "identical": topic.identical,
        "differing": topic.differing,
        "only_baseline": topic.only_before,
        "only_candidate": topic.only_after,
        "answers": {
            name: {
                "compared": answer.compared,
                "changed": answer.changed,
                "pairs": [
                    {"baseline": pair[0], "candidate": pair[1], "events": count}
                    for pair, count in answer.pairs.most_common()
                ],
                "examples": [dataclasses.asdict(one) for examples in answer.examples.values() for one in examples],
            }
            for name, answer in topic.answers.items()
        },
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "device_id": incident.device_id,
        "from": time_text(incident.from_us),
        "until": time_text(incident.until_us),
        "kind": incident.kind,
    }
