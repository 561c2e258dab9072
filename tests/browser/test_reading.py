"""The order of kit, portal and form for the keyboard and the screen reader, written down.

``HEADINGS`` is what a screen reader's list of headings says, ``STOPS`` where the Tab key goes: both are
the order that the eye sees, on a phone and at a desk.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, PHONE, log_in
from tests.live import Live

pytestmark = pytest.mark.browser

HEADINGS_JS = """() => [...document.querySelectorAll("main :is(h1, h2)")]
  .filter((one) => one.checkVisibility()).map((one) => one.textContent.trim())"""
STOP_JS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body || !at.closest("main")) return null;
  const box = at.getBoundingClientRect();
  return {card: at.closest("section")?.id ?? "", top: box.top + scrollY, left: box.left};
}"""


def stops(page: Page) -> list[dict[str, Any]]:
    """Press Tab from the page's top until the focus leaves <main>."""
    page.locator("main").focus()
    found = []
    for _ in range(120):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP_JS)
        if stop is None:
            break
        found.append(stop)
    return found


HEADINGS = {
    "form": ["Nouveau post", "Ta vidéo", "Tes mots", "L’offre que tu partages", "Aperçu"],
    "kit": [
        "Une heure",
        "Partager",
        "Ton texte",
        "Ce que ton post rapporte",
        "Publier",
        "Tes mots",
        "Envoyer par e-mail",
    ],
    "portal": ["Bonjour Alice", "Mes posts", "Ce que tes posts rapportent", "Tes gains"],
}
# The cards in which the stops lie; "" is the page's own head, foot and bar.
STOPS = {
    "form": ["your-video", "words", "offer", "preview-card", ""],
    "kit": ["", "share", "kit-text", "results", "publications", "post", "email"],
    "portal": ["", "next-step", "posts", "earnings", ""],
}


def cards_of(found: list[dict[str, Any]]) -> list[str]:
    cards = [str(stop["card"]) for stop in found]
    return [card for before, card in zip([None, *cards], cards, strict=False) if card != before]


def is_read_on(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether the eye meets ``after`` later: further down, or further right."""
    return bool(after["top"] >= before["top"] - 1 or after["left"] > before["left"])


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_focus_and_the_headings_go_as_the_eye_does(chromium: Browser, live: Live, size: Any):
    context = chromium.new_context(locale="fr-FR", viewport=size)
    page = context.new_page()

    def look(name: str) -> None:
        found = stops(page)
        bar = [""] if size == PHONE and name == "kit" else []
        assert page.evaluate(HEADINGS_JS) == HEADINGS[name]
        assert cards_of(found) == [*STOPS[name], *bar]
        inside = [(one, two) for one, two in pairwise(found) if one["card"] == two["card"] != ""]
        assert all(is_read_on(one, two) for one, two in inside)

    log_in(page, live, f"reading-{size['width']}@example.org")
    page.goto(f"{live.url}/byop/new")
    look("form")
    page.fill("[name=title]", "Une heure")
    page.locator("form[action$='/byop/submit'] [type=submit]").last.click()
    page.wait_for_url("**/byop/kit?id=*")
    expect(page.locator("#state .is-ok")).to_be_visible()
    look("kit")
    page.goto(f"{live.url}/partner/portal")
    look("portal")
    context.close()


def test_a_swap_keeps_the_focus_and_says_once_what_came(chromium: Browser, live: Live):
    context = chromium.new_context(locale="fr-FR", viewport=PHONE)
    page = context.new_page()
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    log_in(page, live, "swaps@example.org")
    page.goto(f"{live.url}/byop/new")
    page.fill("[name=title]", "Une heure")
    page.locator("form[action$='/byop/submit'] [type=submit]").last.click()
    page.wait_for_url("**/byop/kit?id=*")

    page.locator("#tab-x").click()
    expect(page.locator("#tab-x")).to_have_attribute("aria-current", "true")
    expect(page.locator("#tab-x")).to_be_focused()
    page.locator("[popovertarget=qr]").first.click()
    expect(page.get_by_role("dialog", name="Ton QR code")).to_be_visible()
    expect(page.locator("#qr-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[popovertarget=qr]").first).to_be_focused()
    page.fill("[name=emails]", "swaps-reader@example.org")
    page.locator("[name=consent]").check()
    page.locator("#email-body [data-submit]").click()
    expect(page.locator("[data-recipient][data-verdict=queued]").first).to_be_visible()

    expect(page.locator(":focus")).to_have_count(1)  # What was pressed is gone.
    assert page.locator("[aria-live], [role=status]:not(#notices)").count() == 1
    assert mistakes == []
    context.close()
