"""Each euro leads to its post: in the ledger, the kit, the report of links; one word an account."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from contentflow.byop.models import Submission
from contentflow.core.db import db, transaction
from contentflow.ledger import commissions, services
from contentflow.ledger.double_entry import Account
from contentflow.ledger.models import Commission, TransactionKind
from contentflow.portal.statement_lines import read_lines
from contentflow.portal.statements import recent_lines
from tests.portal.test_earnings_pages import read, words

STATEMENT = "/partner/earnings/statement"


def test_a_line_names_post_offer_networks_rate_and_commission(alice_client, alices_post, click, postback):
    postback("T1", amount_cents=9_600, click_id=click("telegram"))

    for path in ("/partner/earnings", STATEMENT):
        page = read(alice_client, path)
        assert "Vente Une heure gagnée par jour 38,40 €" in page
        assert "40 % de 96,00 € de commission · Nova IA · Nova · Telegram · awin T1" in page


def test_the_post_of_a_line_opens_its_kit(alice_client, alices_post, click, postback):
    postback("T1", click_id=click())

    page = alice_client.get(STATEMENT).get_data(as_text=True)

    (link,) = re.findall(r'href="(/byop/kit[^"]+)"', page)
    assert link == f"/byop/kit?id={alices_post.id}"
    assert alice_client.get(link).status_code == 200


@pytest.mark.parametrize("kind", ["refund", "clawback"])
def test_what_is_taken_back_names_the_commission_that_went(
    alice, alices_post, click, postback, kind: str, app
):
    postback("T1", amount_cents=9_600, click_id=click())
    if kind == "clawback":
        with transaction():
            db.session.execute(update(Commission).values(state="available"))
    postback("T1", "refund", 4_800)

    with app.test_request_context():
        entry = recent_lines(alice.id)[0]
        assert (entry.kind, entry.cents, entry.commission_cents) == (kind, -1_920, -4_800)
        assert words(entry.rate) == "40 % de −48,00 € de commission"


def test_fixed_commissions_and_clicks_say_how_they_came_about(app, alice, alices_post, click, postback):
    with transaction():
        db.session.execute(update(Submission).values(fixed_cents=250, click_cents=2))
    postback("L1", "lead", 0, click())

    with app.test_request_context():
        assert words(recent_lines(alice.id)[0].rate) == "40 % de 0,00 € de commission et 2,50 € fixes"


def test_a_clawback_by_name_has_its_reason_and_no_rate(app, alice, alices_post, click, postback):
    postback("T1", click_id=click())
    with transaction():
        services.claw_back(db.session.scalars(select(Commission.id)).one(), 100, "Commande annulée", "cli")

    with app.test_request_context():
        entry = recent_lines(alice.id)[0]
        assert (entry.rate, entry.commission_cents, entry.post) == ("", None, "Une heure gagnée par jour")


def test_of_another_partner_nothing_is_read(alice, bob, alices_post, click, postback):
    from datetime import UTC, datetime

    postback("T1", click_id=click())

    assert read_lines(bob.id, None, datetime(9999, 1, 1, tzinfo=UTC)) == []


def test_the_kit_shows_the_euros_of_the_post(alice_client, alices_post, click, postback):
    postback("T1", amount_cents=9_600, click_id=click())
    postback("T2", amount_cents=1_000, click_id=click("x", "self"))

    page = alice_client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True)

    assert "42,40 € gagné" in words(page)
    assert "38,40 € en attente · 4,00 € retenu" in words(page)
    assert f'href="/partner/earnings?id={alices_post.id}"' in page


def test_without_a_sale_the_kit_shows_no_sum_of_parts(alice_client, alices_post, click):
    click()

    page = words(alice_client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True))

    assert "0,00 € gagné" in page and "en attente" not in page


def test_the_report_by_link_names_the_post_and_leads_to_it(alice_client, alices_post, click):
    click("x")

    page = alice_client.get("/partner/earnings/clicks?by=link").get_data(as_text=True)

    assert re.search(r"X · /l/\w{7}", page)
    assert f'href="/byop/kit?id={alices_post.id}">Une heure gagnée par jour</a>' in page


@pytest.mark.parametrize("path", ["/partner/portal", "/partner/earnings", STATEMENT])
def test_each_account_has_one_word_everywhere(alice_client, alices_post, click, postback, path: str):
    postback("T1", amount_cents=9_600, click_id=click())
    postback("T2", amount_cents=1_000, click_id=click("x", "self"))
    with transaction():
        sale = db.session.scalars(select(Commission).where(Commission.state == "pending")).one()
        commissions.move(sale, Account.AVAILABLE, TransactionKind.MATURE)

    page = read(alice_client, path)

    for word in ("disponible", "en attente", "retenu"):
        assert word in page
    assert not re.search(r"\bDû\b", page)


@pytest.mark.parametrize("path", ["/partner/earnings", STATEMENT])
def test_each_word_is_explained_in_a_sentence(alice_client, path: str):
    page = read(alice_client, path)

    for told in ("Gagné Tout ce que tes posts ont rapporté", "Disponible À toi", "Retenu Gagné, mais"):
        assert told in page


def test_the_statement_splits_what_is_not_paid_by_account(alice_client, alices_post, click, postback):
    postback("T1", amount_cents=9_600, click_id=click())
    postback("T2", amount_cents=1_000, click_id=click("x", "self"))

    page = read(alice_client, STATEMENT)

    assert "Pas encore versé à ce jour 42,40 € disponible 0,00 € en attente 38,40 € retenu 4,00 €" in page


@pytest.mark.parametrize("first", ["en", "fr"])
def test_the_words_are_in_the_language_of_each_reader(alice_client, alices_post, click, postback, first: str):
    postback("T1", amount_cents=9_600, click_id=click())

    for language in (first, "fr", "en"):
        for path in (f"/byop/kit?id={alices_post.id}", "/partner/portal", "/partner/earnings", STATEMENT):
            answer = alice_client.get(path, headers={"Accept-Language": language})
            page = words(answer.get_data(as_text=True)).lower()
            assert ("en attente" in page, "pending" in page) == (language == "fr", language == "en"), path
            if "statement" not in path:
                found = (bool(re.search(r"\bgagné\b", page)), "earned" in page)
                assert found == (language == "fr", language == "en"), path
