"""Alerts as an Atom feed, for any feed reader. Source: RFC 4287."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

from pipelines.notify.alert import Alert
from pipelines.seen_event import time_text
from schemas.safe_text import safe_text

ATOM: Final = "http://www.w3.org/2005/Atom"


def atom_feed(alerts: Sequence[Alert], *, url: str) -> bytes:
    """Return the feed of these alerts, in their order; `url` is where it is to be had."""
    feed = ElementTree.Element("feed", xmlns=ATOM)
    _add(feed, "id", "urn:hubbub:alerts")
    _add(feed, "title", "hubbub alerts")
    _add(feed, "updated", time_text(max((one.updated_us for one in alerts), default=0)))
    ElementTree.SubElement(feed, "link", rel="self", href=url, type="application/atom+xml")
    author = ElementTree.SubElement(feed, "author")
    _add(author, "name", "hubbub")
    for alert in alerts:
        entry = ElementTree.SubElement(feed, "entry")
        _add(entry, "id", f"urn:hubbub:alert:{safe_text(alert.alert_id, 64)}")
        state = alert.severity.upper() if alert.firing else "RESOLVED"
        _add(entry, "title", f"{state}: {safe_text(alert.summary, 200)}")
        _add(entry, "published", time_text(alert.opened_us))
        _add(entry, "updated", time_text(max(alert.updated_us, alert.resolved_us or 0)))
        labels = ", ".join(f"{safe_text(name, 64)}={safe_text(value, 120)}" for name, value in alert.labels.items())
        _add(entry, "summary", f"{alert.count:,} events; {labels}", type="text")
        ElementTree.SubElement(entry, "category", term=alert.severity)
    text: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return text


def _add(parent: ElementTree.Element, name: str, text: str, **attributes: str) -> None:
    ElementTree.SubElement(parent, name, attributes).text = text
