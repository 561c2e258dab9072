"""Passkeys in a real browser, whose virtual authenticator signs (Chrome DevTools Protocol, WebAuthn)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import findings, is_too_wide
from tests.live import Live

pytestmark = pytest.mark.browser


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Live]:
    """On a name: browsers make no passkey for an IP address."""
    live = Live(tmp_path / "product")
    live.environ["PUBLIC_BASE_URL"] = f"http://localhost:{live.port}"
    try:
        live.start("--workers", "1")
        yield live
    finally:
        live.stop()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="fr-FR")
    page = context.new_page()
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True,
        "hasResidentKey": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield page
    context.close()


def to_the_console(page: Page, live: Live) -> None:
    page.goto(str(live.run("partner", "login-link", "olga@example.org")["url"]))
    page.locator("main form button").first.click()
    page.wait_for_url("**/partner/portal")
    page.goto(live.environ["PUBLIC_BASE_URL"] + "/console/")


def test_a_passkey_is_added_opens_the_console_and_answers_once(product: Live, page: Page):
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    product.run("partner", "add", "olga@example.org", "--name", "Olga", "--operator")
    to_the_console(page, product)
    secret = page.locator("[data-secret]").get_attribute("data-secret") or ""
    page.get_by_label("Code à six chiffres").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Mettre en place").click()
    page.goto(product.environ["PUBLIC_BASE_URL"] + "/console/second-factor")

    page.get_by_label("Nom de la nouvelle clé").fill("mon téléphone")
    page.get_by_role("button", name="Ajouter une clé d’accès").click()
    expect(page.locator("[data-passkey-name='mon téléphone']")).to_be_visible()
    assert broken == [] and findings(page) == [] and not is_too_wide(page)
    broken.clear()  # axe sets styles, which our policy forbids.

    # The same device again: it says that it is there already, and nothing is added.
    page.get_by_label("Nom de la nouvelle clé").fill("encore")
    page.get_by_role("button", name="Ajouter une clé d’accès").click()
    expect(page.locator("#passkeys [data-failed]")).to_contain_text("peut-être déjà")
    expect(page.locator("#passkeys [data-failed]")).to_be_focused()

    page.context.clear_cookies()
    to_the_console(page, product)
    assert broken == [] and findings(page) == []
    broken.clear()
    with page.expect_request(re.compile("second-factor/check")) as sent:
        page.get_by_role("button", name="Continuer avec une clé d’accès").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("La semaine")

    # What the device answered is sent again, from another login: refused.
    body = sent.value.post_data_json
    page.context.clear_cookies()
    to_the_console(page, product)
    token = page.locator("form[data-passkey] [name=csrf_token]").get_attribute("value") or ""
    again = page.request.post(
        product.environ["PUBLIC_BASE_URL"] + "/console/second-factor/check",
        form={"credential": body["credential"], "csrf_token": token},
        max_redirects=0,
    )
    assert again.status == 422
    assert page.request.get(product.environ["PUBLIC_BASE_URL"] + "/console/", max_redirects=0).status == 303
    assert broken == []

    # It is named and removable; then only a code is asked for.
    page.get_by_role("button", name="Continuer avec une clé d’accès").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("La semaine")
    page.goto(product.environ["PUBLIC_BASE_URL"] + "/console/second-factor")
    page.locator("#passkeys").get_by_role("button", name="Retirer").click()
    expect(page.locator("#passkeys")).to_contain_text("Aucune clé d’accès encore")
    page.context.clear_cookies()
    to_the_console(page, product)
    expect(page.locator("form[data-passkey]")).to_have_count(0)
