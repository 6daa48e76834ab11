"""A real browser for tests: the machine's own Chromium, driven by Playwright, and axe-core's rules of accessibility."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "expected Chromium for the tests of the console in a browser, found {found}: `apt-get install chromium`, "
    "or its path in HUBBUB_CHROMIUM; `pytest -m 'not browser'` leaves them out"
)
# What axe-core calls so must not be: whoever cannot see the page, or has no mouse, would be stuck.
FORBIDDEN = ("serious", "critical")


def chromium_path() -> str:
    """Return the browser's path; an AssertionError says what to install."""
    named = os.environ.get("HUBBUB_CHROMIUM")
    found = next((path for name in ((named,) if named else NAMES) if (path := shutil.which(name))), None)
    assert found is not None, MISSING.format(found=f"no program {named}" if named else "none")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser without a window. In a container root has no sandbox of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def violations(page: Page) -> list[str]:
    """Return what axe-core finds seriously wrong with a page: rule, and where."""
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(source)  # as the debugger does: a page's policy for its own scripts does not forbid it
    result: Any = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{one['id']} ({one['impact']}): {'; '.join(str(node['target'][0]) for node in one['nodes'][:3])}"
        for one in result["violations"]
        if one["impact"] in FORBIDDEN
    ]


if __name__ == "__main__":  # the Makefile asks: status 1 and the sentence where there is none
    try:
        print(chromium_path())
    except AssertionError as missing:
        sys.exit(str(missing))
