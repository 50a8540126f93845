"""A real browser, Debian's Chromium, on a running platform."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

INSTALL = "apt-get install --yes --no-install-recommends chromium"
WIDE, NARROW = (1400, 900), (390, 844)


def chromium() -> str:
    """Where it is; where it is not, the test is skipped, and on CI it fails."""
    path = shutil.which("chromium")
    if path is None and os.environ.get("CI"):
        pytest.fail(f"chromium is not installed, and this is CI: {INSTALL}")
    if path is None:
        pytest.skip(f"chromium is not installed: {INSTALL}")
    return path


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    # As root it has no sandbox of its own; what it opens here is our own.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=sandbox)
        try:
            yield started
        finally:
            started.close()


def context(browser: Browser, url: str, size: tuple[int, int] = WIDE, theme: str = "light") -> BrowserContext:
    """A fresh profile, in which Airflow's theme was chosen to be `theme`."""
    width, height = size
    made = browser.new_context(base_url=url, viewport={"width": width, "height": height}, accept_downloads=True)
    made.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    made.set_default_timeout(60_000)
    return made


class Shots:
    """Screenshots, kept in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Where the screenshot `name` goes."""
        return self.folder / f"{name}.png"
