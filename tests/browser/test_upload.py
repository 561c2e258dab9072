"""A video on its way: seen in the bar, stopped, gone on with after a break, kept by a refused form."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import log_in
from tests.live import Live

pytestmark = pytest.mark.browser


def test_a_video_goes_in_parts_and_outlives_a_broken_line(phone: BrowserContext, live: Live, tmp_path: Path):
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(3_000_000))
    page = phone.new_page()
    asked: list[str] = []

    def break_the_third(route: Any) -> None:
        asked.append(route.request.url)
        time.sleep(0.3)
        route.abort() if len(asked) == 3 else route.continue_()

    log_in(page, live, "upload@example.org")
    page.route("**/byop/part?*", break_the_third)
    page.goto(f"{live.url}/byop/new")
    page.fill("[name=title]", "x" * 130)
    page.set_input_files("[name=video]", film)
    send, bar = page.locator("[data-submit]").last, page.locator("[data-parts]")
    send.click()
    expect(bar).to_be_visible()
    expect(send).to_be_disabled()
    expect(page.locator("[data-stop]")).to_be_focused()
    page.locator("[data-stop]").click()
    expect(bar).to_be_hidden()
    expect(send).to_be_focused()

    asked.clear()
    send.click()
    expect(page.locator("[data-sent]")).to_contain_text("reprend tout seul")
    # The form is refused for its title; the video that arrived is not asked for again.
    expect(page.locator("[name=part]")).to_be_checked()
    at = [int(url.rpartition("=")[2]) for url in asked]
    assert at == sorted(at) and at[2] == at[3]
    page.fill("[name=title]", "Une heure")
    pieces = len(asked)
    send.click()
    page.wait_for_url("**/byop/kit?id=*")
    assert len(asked) == pieces
