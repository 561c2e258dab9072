"""axe finds nothing, and nothing is too wide, on any page, language, theme or size."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import DESK, PHONE, findings, is_too_wide, log_in
from tests.live import Live

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["fr-FR", "en-GB"])
def test_axe_finds_nothing(chromium: Browser, live: Live, language: str, scheme: str):
    context = chromium.new_context(locale=language, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    complaints: dict[str, object] = {}

    def look(path: str) -> None:
        for size in (PHONE, DESK):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.goto(live.url + path)
            found = findings(page)
            if found or is_too_wide(page):
                complaints[f"{path} {size['width']}"] = found or "too wide"

    for path in ("/", "/legal", "/partner/login", "/nowhere", "/dev/mailbox"):
        look(path)
    log_in(page, live, f"{language}-{scheme}@example.org".lower())
    for path in ("/partner/portal", "/byop/new", "/partner/earnings", "/partner/earnings/statement"):
        look(path)
    page.goto(f"{live.url}/byop/new")
    page.fill("[name=title]", "Une heure gagnée par jour, et " + "m" * 60)
    page.locator("form[action$='/byop/submit'] [type=submit]").last.click()
    page.wait_for_url("**/byop/kit?id=*")
    kit = page.url.removeprefix(live.url)
    code = re.search(r"/l/(\w+)", page.locator("#share-text").input_value())
    assert code is not None
    for path in (kit, kit.replace("/kit", "/edit"), f"/p/{code[1]}", "/partner/portal"):
        look(path)

    assert complaints == {}
    context.close()
