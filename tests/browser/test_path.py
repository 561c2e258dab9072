"""The whole path in a real browser: log in, bring a post, share it, and the click is counted."""

from __future__ import annotations

import re
import urllib.request

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PHONE, is_too_wide, log_in
from tests.live import Live

pytestmark = pytest.mark.browser

AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def follow(url: str) -> int:
    """Press the short link as a visitor would; the offer's site itself is not reached."""
    request = urllib.request.Request(url, headers={"User-Agent": AGENT})
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as answer:
        return answer.code


def bring_a_post(page: Page, title: str) -> None:
    page.get_by_role("link", name=re.compile("Créer un post")).first.click()
    page.fill("[name=title]", title)
    page.fill("[name=hashtags]", "ia, #tools")
    page.fill("[name=cta]", "Essaye ici →")
    page.locator("form[action$='/byop/submit'] [type=submit]").last.click()
    page.wait_for_url("**/byop/kit?id=*")


def test_a_post_is_made_and_shared_and_its_click_counted(phone: BrowserContext, live: Live):
    page = phone.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    log_in(page, live, "path@example.org")

    bring_a_post(page, "Une heure gagnée par jour")

    expect(page.locator("h1")).to_contain_text("Une heure gagnée par jour")
    text = page.locator("#share-text").input_value()
    assert text.startswith("Publicité\nUne heure gagnée par jour\n\nEssaye ici → http://127.0.0.1")
    assert text.endswith("#ia #tools #ad")
    phone.route(
        re.compile(r"https://(api\.)?(wa\.me|whatsapp\.com)"), lambda route: route.fulfill(body="app")
    )
    with phone.expect_page() as opened:
        page.locator("a[data-channel=whatsapp]").click()
    assert opened.value.url.startswith("https://wa.me/?text=Publicit")
    opened.value.close()
    expect(page.locator("#share-counters [data-channel=whatsapp][data-count]").first).to_have_attribute(
        "data-count", "1"
    )

    link = re.search(r"http://127\.0\.0\.1:\d+/l/\w+", text)
    assert link is not None
    assert follow(link[0]) == 302
    page.goto(f"{live.url}/partner/portal")

    expect(page.locator("main")).to_contain_text("Une heure gagnée par jour")
    expect(page.locator("main")).to_contain_text("1")
    assert not is_too_wide(page)
    assert complaints == []


def test_copying_says_so_and_is_counted(phone: BrowserContext, live: Live):
    page = phone.new_page()
    log_in(page, live, "copy@example.org")
    bring_a_post(page, "Un texte à copier")

    page.locator("button[data-channel=copy]").first.click()

    expect(page.locator("#notices")).to_contain_text("opié")
    expect(page.locator("#share-counters [data-channel=copy][data-count]").first).to_have_attribute(
        "data-count", "1"
    )


def test_the_preview_follows_what_is_typed(phone: BrowserContext, live: Live):
    page = phone.new_page()
    log_in(page, live, "preview@example.org")
    page.goto(f"{live.url}/byop/new")

    page.locator("[name=title]").press_sequentially("Bonjour")

    expect(page.locator("main")).to_contain_text("Publicité")
    expect(page.locator("#preview")).to_contain_text("Bonjour")
    page.locator("label:has([name=channel][value=x])").click()
    expect(page.locator("#preview")).to_contain_text("/ 280")


def test_everything_works_without_javascript(chromium: Browser, live: Live):
    context = chromium.new_context(viewport=PHONE, locale="fr-FR", java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()
    log_in(page, live, "plain@example.org")

    bring_a_post(page, "Sans JavaScript")

    assert page.locator("#share-text").input_value().startswith("Publicité\nSans JavaScript")
    href = page.locator("a[data-channel=whatsapp]").get_attribute("href")
    assert href is not None
    assert href.startswith("https://wa.me/?text=")
    page.goto(page.url.replace("/byop/kit", "/byop/edit"))
    page.fill("[name=title]", "Mot corrigé")
    page.locator("form[action$='/byop/edit'] [type=submit]").last.click()
    expect(page.locator("h1")).to_contain_text("Mot corrigé")
    context.close()


def test_a_refused_form_keeps_what_was_typed(phone: BrowserContext, live: Live):
    page = phone.new_page()
    log_in(page, live, "refused@example.org")
    page.goto(f"{live.url}/byop/new")
    page.fill("[name=title]", "Gardé")
    page.fill("[name=source_url]", "http://127.0.0.1/film.mp4")

    page.locator("form[action$='/byop/submit'] [type=submit]").last.click()

    expect(page.locator("[name=source_url]")).to_have_attribute("aria-invalid", "true")
    assert page.locator("[name=title]").input_value() == "Gardé"
    assert page.locator("[name=source_url]").input_value() == "http://127.0.0.1/film.mp4"


def test_a_long_hashtag_does_not_widen_the_form(phone: BrowserContext, live: Live):
    page = phone.new_page()
    log_in(page, live, "wide@example.org")
    page.goto(f"{live.url}/byop/new")

    page.fill("[name=hashtags]", "x" * 250)

    expect(page.locator("#preview")).to_contain_text("x" * 250)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_an_error_leaves_once_its_field_is_mended(phone: BrowserContext, live: Live):
    page = phone.new_page()
    log_in(page, live, "mended@example.org")
    page.goto(f"{live.url}/byop/new")
    page.fill("[name=source_url]", "ftp://example.org")
    page.locator("form[action$='/byop/submit'] [type=submit]").last.click()
    expect(page.locator("[name=source_url]")).to_have_attribute("aria-invalid", "true")

    page.fill("[name=source_url]", "https://example.org/v.mp4")

    expect(page.locator("#source_url-error")).to_have_count(0)
    expect(page.locator("[name=source_url]")).not_to_have_attribute("aria-invalid", "true")


def test_an_error_that_is_mended_at_the_very_swap_leaves_too(phone: BrowserContext, live: Live):
    page = phone.new_page()
    log_in(page, live, "quick@example.org")
    page.goto(f"{live.url}/byop/new")
    page.fill("[name=source_url]", "ftp://example.org")
    page.evaluate(
        """() => document.addEventListener("htmx:afterSwap", () => {
            const input = document.querySelector("[name=source_url][aria-invalid]");
            if (!input) return;
            input.value = "https://example.org/v.mp4";
            input.dispatchEvent(new Event("input", {bubbles: true}));
        })"""
    )

    page.locator("form[action$='/byop/submit'] [type=submit]").last.click()

    expect(page.locator("[name=source_url]")).to_have_value("https://example.org/v.mp4")
    expect(page.locator("#source_url-error")).to_have_count(0)
    page.wait_for_timeout(100)
    expect(page.locator(".field-wrong")).to_have_count(0)
