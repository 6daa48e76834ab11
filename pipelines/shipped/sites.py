"""The pipeline `sites`: alerts with the places of their devices, on their way to `incidents`.

It merges the alerts of each device with the registry in event time, so what an alert is told of its device is what
held then, live or replayed. Its rows go to an internal topic by site.
"""

from __future__ import annotations

from operators.locate_devices import LocateDevices
from pipelines.pipeline import Pipeline
from pipelines.shipped.alerts import alerts
from schemas.alerts_by_site import ALERTS_BY_DEVICE, ALERTS_BY_SITE
from schemas.devices import DEVICES


def sites() -> Pipeline:
    """Return the pipeline from alerts.by_device and devices to alerts.by_site."""
    return Pipeline(
        "sites",
        [ALERTS_BY_DEVICE, DEVICES],
        [LocateDevices()],
        [ALERTS_BY_SITE],
        merge=True,
        upstream=[alerts()],
        tables=[DEVICES],
    )
