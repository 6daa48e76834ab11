"""The pipeline `incidents`: what belongs together at a site, as the one thing that a person deals with.

Its source is the topic that `sites` re-keys alerts to; it merges what the streams of `sites` have written there in
event time, so the same events give the same incidents whoever reads them, and when.
"""

from __future__ import annotations

from operators.correlate_incidents import CorrelateIncidents
from pipelines.pipeline import Pipeline
from pipelines.shipped.sites import sites
from schemas.alerts_by_site import ALERTS_BY_SITE
from schemas.incidents import INCIDENTS


def incidents() -> Pipeline:
    """Return the pipeline from alerts.by_site to incidents."""
    return Pipeline("incidents", [ALERTS_BY_SITE], [CorrelateIncidents()], [INCIDENTS], merge=True, upstream=[sites()])
