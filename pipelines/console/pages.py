"""The pages of the console, in the order of its navigation: a new page is one module and one line here."""

from __future__ import annotations

from pipelines.console import (
    alert_page,
    alerts_page,
    dead_letters_page,
    device_page,
    devices_page,
    drift_page,
    incident_page,
    incidents_page,
    live_page,
    login_page,
    models_page,
    reports_page,
    silences_page,
    topics_page,
)
from pipelines.console.page import Page

PAGES: tuple[Page, ...] = (
    alerts_page.PAGE,
    alert_page.PAGE,
    incidents_page.PAGE,
    incident_page.PAGE,
    silences_page.PAGE,
    devices_page.PAGE,
    device_page.PAGE,
    topics_page.PAGE,
    dead_letters_page.PAGE,
    models_page.PAGE,
    drift_page.PAGE,
    reports_page.PAGE,
    live_page.PAGE,
    login_page.PAGE,
)
