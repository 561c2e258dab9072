"""A clip in the kit: sent, watched, its cover chosen, approved; axe finds nothing on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, PHONE, findings, is_too_wide, log_in
from tests.live import Live
from tests.pipeline.films import film

pytestmark = pytest.mark.browser
RENDER_SECONDS = 120


def keep_focus_while_it_polls(page: Page) -> int:
    """Who stands on the link with the keyboard stays there while the card is swapped; how often that was."""
    return int(
        page.evaluate("""async () => {
            let polls = 0;
            document.querySelector("#clip [hx-trigger]").focus();
            document.addEventListener("htmx:afterSettle", ({ detail }) => {
                const link = document.querySelector("#clip [hx-trigger^=every]");
                if (link && link !== document.activeElement) polls = -1000;
                polls += 1;
            });
            await new Promise((done) => setTimeout(done, 5000));
            return polls;
        }""")
    )


# A phone that shares films; it wants a press that is fresh, and the first one went by while the file came.
PHONE_THAT_SHARES = """
  window.shared = [];
  const films = ({ files }) => files.every((file) => file.type === "video/mp4");
  navigator.canShare = (data) => window.sharesFilms !== false && films(data);
  navigator.share = async (data) => {
    window.shared.push(data);
    if (window.shared.length === 1) throw new DOMException("too late", "NotAllowedError");
  };
"""


def share_the_file(page: Page) -> None:
    """The first press fetches the file, the second shares it: counted, and with the link of its channel."""
    button = page.get_by_role("button", name="Partager le fichier")
    counter = page.locator("#share-counters [data-channel=native][data-count]").first
    expect(counter).to_have_attribute("data-count", "0")
    button.click()
    expect(page.locator("#notices")).to_contain_text("appuie encore")
    expect(counter).to_have_attribute("data-count", "0")
    button.click()
    expect(counter).to_have_attribute("data-count", "1")
    sizes, text = page.evaluate("() => [shared.map(({ files }) => files[0].size), shared.at(-1).text]")
    assert sizes[0] == sizes[1] > 1000
    assert text == page.locator("#native-text").text_content()
    assert text != page.locator("#share-text").input_value()


def test_where_films_cannot_be_shared_there_is_no_button_for_it(chromium: Browser, live: Live) -> None:
    context = chromium.new_context(locale="fr-FR")
    context.add_init_script(PHONE_THAT_SHARES)
    page = context.new_page()
    log_in(page, live, "no-films@example.org")
    hidden = page.evaluate("""() => {
        window.sharesFilms = false;
        document.body.insertAdjacentHTML("beforeend",
          "<p><a hidden data-native-share data-file='/x'></a><a hidden data-native-share></a></p>");
        document.dispatchEvent(new CustomEvent("htmx:afterSettle"));
        return [...document.querySelectorAll("p > [data-native-share]")].map((button) => button.hidden);
    }""")

    assert hidden == [True, False]
    context.close()


def test_a_video_is_sent_its_cover_chosen_and_the_clip_approved(
    chromium: Browser, live: Live, tmp_path: Path
):
    source = film(tmp_path / "film.mp4", seconds=4, size="640x360")
    context = chromium.new_context(locale="fr-FR", reduced_motion="reduce")
    context.add_init_script(PHONE_THAT_SHARES)
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
    polls = keep_focus_while_it_polls(page)
    assert polls > 0
    expect(clip).to_have_attribute("data-status", "ready", timeout=RENDER_SECONDS * 1000)
    expect(page.get_by_role("button", name="Partager le fichier")).to_have_count(0)
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
    share_the_file(page)
    page.goto(page.get_by_role("link", name="Page publique").get_attribute("href") or "")
    poster = page.locator("video").get_attribute("poster") or ""
    assert poster.endswith("2")
    look("public")

    assert complaints == {}
    context.close()
