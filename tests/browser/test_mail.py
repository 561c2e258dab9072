"""The kit mailed from a phone, read in the mailbox, stopped by its reader."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import findings, is_too_wide, log_in
from tests.browser.test_path import bring_a_post
from tests.live import Live

pytestmark = pytest.mark.browser


def in_kit(phone: BrowserContext, live: Live, email: str) -> Page:
    page = phone.new_page()
    log_in(page, live, email)
    bring_a_post(page, f"Un post de {email.split('@')[0]}")
    return page


def open_as_a_scanner_would(page: Page, live: Live) -> None:
    """Open every link of the mail with scripts on, press nothing, and see that nothing changed."""
    links = set(re.findall(rf"{live.url}/(?:unsubscribe|subscribe)/[\w-]+", page.content()))
    assert {link.split("/")[3] for link in links} == {"unsubscribe", "subscribe"}
    scanner = page.context.new_page()
    for link in links:
        scanner.goto(link)
        scanner.wait_for_load_state("networkidle")
    scanner.close()
    assert live.run("suppression", "list") == []


def test_a_mail_leaves_is_read_and_stopped(phone: BrowserContext, live: Live):
    page = in_kit(phone, live, "mailer@example.org")
    page.locator("[name=emails]").press_sequentially("carla@example.org, oops")
    expect(page.locator("#email-verdicts [data-verdict=queued]")).to_contain_text("carla@example.org")
    expect(page.locator("#email-verdicts [data-verdict=invalid]")).to_contain_text("oops")

    page.locator("#email-body [data-submit]").click()

    expect(page.locator("[name=consent]")).to_have_attribute("aria-invalid", "true")
    assert page.locator("[name=emails]").input_value() == "carla@example.org, oops"
    assert findings(page) == []

    page.locator("[name=consent]").check()
    page.locator("#email-body [data-submit]").click()

    expect(page.locator("#email-body [data-left-today]")).to_have_attribute("data-left-today", "2")
    expect(page.locator("[data-state=captured]")).to_contain_text("carla@example.org", timeout=60_000)
    assert findings(page) == []
    assert not is_too_wide(page)

    page.goto(f"{live.url}/dev/mailbox")
    page.get_by_role("link", name=re.compile("Un post de mailer")).first.click()
    stop = re.search(rf"{live.url}/unsubscribe/[\w-]+", page.content())
    assert stop is not None
    open_as_a_scanner_would(page, live)
    page.goto(stop[0])
    assert findings(page) == []
    page.locator("main form button").last.click()
    expect(page.locator("h1")).to_be_visible()
    assert not is_too_wide(page)


def test_over_the_cap_those_who_fit_can_be_kept(phone: BrowserContext, live: Live):
    page = in_kit(phone, live, "capped@example.org")
    page.fill("[name=emails]", "\n".join(f"r{number}@example.org" for number in range(5)))
    page.locator("[name=consent]").check()
    page.locator("#email-body [data-submit]").click()

    keep = page.get_by_role("button", name=re.compile("Il en reste 3"))
    expect(keep).to_be_visible()
    assert findings(page) == []
    keep.click()

    send = page.get_by_role("button", name="Envoyer à 3 personnes")
    expect(send).to_be_visible()
    expect(page.locator("#email-body [data-left-today]")).to_have_attribute("data-left-today", "3")
    assert findings(page) == []
    send.click()

    expect(page.locator("#email-body [data-left-today]")).to_have_attribute("data-left-today", "0")
    expect(page.locator("#email-body [data-verdict=queued]")).to_have_count(3)


def test_a_send_can_be_taken_back(phone: BrowserContext, live: Live):
    page = in_kit(phone, live, "undo@example.org")
    page.fill("[name=emails]", "undone@example.org")
    page.locator("[name=consent]").check()
    page.locator("#email-body [data-submit]").click()

    expect(page.locator("#email-cancel")).to_be_visible()
    expect(page.locator("#share-counters [data-channel=email]")).to_have_attribute("data-count", "1")
    expect(page.locator("#results")).to_contain_text("Partagé 1 fois")
    page.reload()
    page.goto(f"{live.url}/partner/portal")
    page.go_back()
    page.get_by_role("button", name=re.compile("Annuler")).click()

    expect(page.locator("[data-state=cancelled]")).to_contain_text("undone@example.org")
    expect(page.locator("#share-counters [data-channel=email]")).to_have_attribute("data-count", "0")
    expect(page.locator("#results")).to_contain_text("Partage ton lien une première fois")
    assert page.evaluate("document.activeElement.tagName") != "BODY"
    assert findings(page) == []


def test_a_refused_press_keeps_the_focus(phone: BrowserContext, live: Live):
    page = in_kit(phone, live, "two-tabs@example.org")
    page.fill("[name=emails]", "late@example.org")
    page.locator("[name=consent]").check()
    other = phone.new_page()
    other.goto(page.url)
    other.get_by_text("Archiver ce post").click()
    other.locator("form[action$='/byop/archive'] button").click()
    other.wait_for_url("**/partner/portal")

    page.bring_to_front()
    send = page.locator("#email-body [data-submit]")
    send.click()

    expect(page.locator("#notices")).to_contain_text("Ce post est archivé")
    expect(send).to_be_focused()
