"""The console by the keyboard alone: a row is acted on where it stands, and the focus stays there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, PHONE, findings, is_too_wide, log_in
from tests.live import Live, serving

pytestmark = pytest.mark.browser


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Live]:
    more = {"MODERATION": "all", "CONSOLE_SECOND_FACTOR": "false"}
    with serving(tmp_path / "product", "--workers", "1", **more) as live:
        live.run("offer", "add", "Nova IA", "https://nova.example.com/?c={click_id}", "--advertiser", "Nova")
        live.run("partner", "add", "olga@example.org", "--name", "Olga", "--operator")
        yield live


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on the control of that name; what is read aloud after it names its row."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.innerText?.split('\\n')[0].trim()") == name:
            return
    raise AssertionError(f"no Tab reaches {name!r}")


def tab_into(page: Page, name: str) -> None:
    """Press Tab until the focus is in the field of that name."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.name") == name:
            return
    raise AssertionError(f"no Tab reaches the field {name!r}")


def focused_row(page: Page) -> str:
    return str(page.evaluate("() => document.activeElement.closest('[data-id]')?.dataset.id ?? ''"))


def test_posts_are_approved_and_refused_where_they_stand(product: Live, chromium: Browser):
    alice = chromium.new_context(locale="fr-FR").new_page()
    log_in(alice, product)
    for title in ("Une heure gagnée", "Deux heures gagnées"):
        alice.goto(product.url + "/byop/new")
        alice.locator("[name=title]").fill(title)
        alice.locator("main form [type=submit]").last.click()
        alice.wait_for_url("**/byop/kit?id=*")
    alice.context.close()
    context = chromium.new_context(locale="fr-FR", viewport=DESK)  # type: ignore[arg-type]
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    log_in(page, product, "olga@example.org")
    page.goto(product.url + "/console/")

    page.locator("[data-job=moderation] a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/posts?state=submitted")
    second, first = page.locator("article[data-id]").evaluate_all("all => all.map(one => one.dataset.id)")
    tab_to(page, "Valider")
    assert focused_row(page) == second
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-id='{second}'] h2")).to_be_focused()
    tab_to(page, "Valider")
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-id='{second}'][data-verdict=done]")).to_be_focused()
    expect(page.locator("#notices")).to_contain_text("Valider")
    tab_to(page, "Annuler")
    assert focused_row(page) == second

    tab_to(page, "Refuser")
    assert focused_row(page) == first
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-id='{first}'] h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(f"[data-id='{first}']:not(.row-asked) h2")).to_be_focused()
    tab_to(page, "Refuser")
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-id='{first}'] h2")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    tab_to(page, "Refuser")
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-id='{first}'][data-verdict=done]")).to_be_focused()
    tab_to(page, "Annuler")
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-id='{first}'][data-verdict=undone]")).to_be_focused()

    page.goto(product.url + "/console/audit")
    found = page.locator(".entries [data-state]").evaluate_all("all => all.map(one => one.dataset.state)")
    assert found[:3] == ["undo", "post.refuse", "post.approve"]
    assert broken == []
    context.close()


def test_one_key_skips_the_console_menu(product: Live, chromium: Browser):
    context = chromium.new_context(locale="fr-FR", viewport=DESK)  # type: ignore[arg-type]
    page = context.new_page()
    log_in(page, product, "olga@example.org")
    page.goto(product.url + "/console/partners")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("() => document.activeElement.name") == "q"
    context.close()


@pytest.mark.parametrize("has_javascript", [True, False])
def test_a_partner_is_suspended_and_opened_again_where_they_stand(
    product: Live, chromium: Browser, has_javascript: bool
):
    product.run("partner", "add", "alice@example.org", "--name", "Alice Martin")
    context = chromium.new_context(
        locale="fr-FR",
        viewport=DESK,  # type: ignore[arg-type]
        java_script_enabled=has_javascript,
    )
    page = context.new_page()
    log_in(page, product, "olga@example.org")
    page.goto(product.url + "/console/partners?q=Alice")
    row = page.locator("#partners li[data-id]")
    alice = row.get_attribute("data-id")

    if not has_javascript:
        row.get_by_role("button", name="Suspendre").click()
        page.wait_for_url("**/console/confirm")
        page.locator("[name=reason]").fill("trop de plaintes")
        page.locator("main form [type=submit]").last.click()
        page.wait_for_url("**/console/partners/suspend")
        expect(page.locator(f"[data-id='{alice}'][data-verdict=done]")).to_be_visible()
        context.close()
        return
    tab_to(page, "Suspendre")
    assert focused_row(page) == alice
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-id='{alice}'] h2")).to_be_focused()
    tab_into(page, "reason")
    page.keyboard.type("trop de plaintes")
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-id='{alice}'][data-verdict=done]")).to_be_focused()
    tab_to(page, "Annuler")
    assert focused_row(page) == alice
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-id='{alice}'][data-verdict=undone]")).to_be_focused()
    page.reload()
    expect(page.locator(f"[data-id='{alice}'][data-state=active]")).to_be_visible()
    context.close()


@pytest.mark.parametrize("language", ["fr-FR", "en-GB"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_console(chromium: Browser, product: Live, language: str, scheme: str):
    context = chromium.new_context(locale=language, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    product.run("network", "add", "awin")
    log_in(page, product, "olga@example.org")
    complaints: dict[str, object] = {}
    for path in (
        "", "search?q=olga", "search?q=a", "posts", "partners?state=active", "offers", "offers/new",
        "networks",
        "networks?network=awin", "numbers", "numbers?by=partner", "mail?state=paused", "second-factor",
    ):  # fmt: skip
        for size in (PHONE, DESK):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.goto(f"{product.url}/console/{path}")
            found = findings(page)
            if found or is_too_wide(page):
                complaints[f"{path} {size['width']}"] = found or "too wide"
    assert complaints == {}
    context.close()
