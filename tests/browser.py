"""A real Chromium for the tests of pages, and a page opened in it whose every word and request is recorded."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The browser to test with: R1_VERL_CHROMIUM, else the first of NAMES on the PATH; None if there is none."""
    named = os.environ.get("R1_VERL_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Seen(NamedTuple):
    """What a page did. said: console messages and errors; asked: the addresses of its requests."""

    said: list[str]
    asked: list[str]


@contextlib.contextmanager
def browser(program: str | None) -> Iterator[Any]:
    """Chromium, driven by Playwright. In a container it has no right to build its own sandbox."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


def visit(started: Any, path: Path, **settings: Any) -> tuple[Any, Seen]:
    """A page from disk in a tab of its own, once it is ready. settings: viewport, color_scheme and the like."""
    tab = started.new_page(**settings)
    seen = Seen([], [])
    tab.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    tab.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
    tab.on("dialog", lambda dialog: (seen.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    tab.on("request", lambda request: seen.asked.append(request.url))
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-ready]", timeout=60_000)
    return tab, seen
