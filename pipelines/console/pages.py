"""The pages of the console, in the order of its navigation: a new page is one module and one line here."""

from __future__ import annotations

from pipelines.console import alert_page, alerts_page, live_page, login_page
from pipelines.console.page import Page

PAGES: tuple[Page, ...] = (
    alerts_page.PAGE,
    alert_page.PAGE,
    live_page.PAGE,
    login_page.PAGE,
)
