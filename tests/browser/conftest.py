"""Chromium, and one demo-filled product for all the browser tests of a process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.live import Live, serving

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
expect.set_options(timeout=30_000)  # A busy machine is no failure.
AXE = Path(__file__).parent.parent / "vendor" / "axe.min.js"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium was found")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    with serving(folder, "--workers", "1", SHARE_EMAIL_UNDO_SECONDS="8", SHARE_EMAIL_DAILY_LIMIT="3") as live:
        live.run("offer", "add", "Nova IA", "https://nova.example.com/?c={click_id}", "--advertiser", "Nova")
        yield live


def login_url(live: Live, email: str) -> str:
    live.run("partner", "add", email, "--name", "Alice Martin")
    return str(live.run("partner", "login-link", email)["url"])


def log_in(page: Page, live: Live, email: str = "alice@example.org") -> None:
    page.goto(login_url(live, email))
    page.locator("main form button").first.click()
    page.wait_for_url("**/partner/portal")


def findings(page: Page) -> list[str]:
    """What axe complains of on this page: rule, and the first element."""
    # The page's CSP forbids a script tag: evaluate runs beside it.
    page.evaluate(AXE.read_text() + "\n;0")
    result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [f"{item['id']}: {item['nodes'][0]['html'][:160]}" for item in result["violations"]]


def is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"))


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport=PHONE, locale="fr-FR", has_touch=True, is_mobile=True)  # type: ignore[arg-type]
    yield context
    context.close()
