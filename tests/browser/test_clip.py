"""A clip in the kit: sent, watched, its cover chosen, approved; axe finds nothing on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import DESK, PHONE, findings, is_too_wide, log_in
from tests.live import Live
from tests.pipeline.films import film

pytestmark = pytest.mark.browser
RENDER_SECONDS = 120


def test_a_video_is_sent_its_cover_chosen_and_the_clip_approved(
    chromium: Browser, live: Live, tmp_path: Path
):
    source = film(tmp_path / "film.mp4", seconds=4, size="640x360")
    context = chromium.new_context(locale="fr-FR", reduced_motion="reduce")
    page = context.new_page()
    complaints: dict[str, object] = {}

    def look(name: str) -> None:
        for scheme in ("light", "dark"):
            for size in (PHONE, DESK):
                page.set_viewport_size(size)  # type: ignore[arg-type]
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                found = findings(page)
                if found or is_too_wide(page):
                    complaints[f"{name} {scheme} {size['width']}"] = found or "too wide"

    log_in(page, live, "clip@example.org")
    page.goto(f"{live.url}/byop/new")
    page.fill("[name=title]", "Une heure gagnée")
    page.set_input_files("[name=video]", source)
    page.locator("form[action$='/byop/submit'] [type=submit]").last.click()
    page.wait_for_url("**/byop/kit?id=*")
    clip = page.locator("#clip")
    expect(clip).to_have_attribute("data-status", "ready", timeout=RENDER_SECONDS * 1000)
    look("ready")

    page.locator("#clip details summary").click()
    look("correction")
    second = page.locator("#cover-2")
    second.focus()
    with page.expect_response("**/byop/cover"):
        page.keyboard.press("Space")
    page.reload()
    expect(second).to_be_checked()

    page.locator("#clip form[action$='/byop/approve'] button").click()
    expect(clip).to_contain_text("Visible en public")
    expect(second).to_be_checked()
    look("approved")
    page.goto(page.get_by_role("link", name="Page publique").get_attribute("href") or "")
    poster = page.locator("video").get_attribute("poster") or ""
    assert poster.endswith("2")
    look("public")

    assert complaints == {}
    context.close()
