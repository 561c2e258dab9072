"""The partner reads where each sale stands; what no advertiser approved yet is apart from what is due."""

from __future__ import annotations

from datetime import timedelta

import time_machine
from sqlalchemy import select

from contentflow.conversions import services
from contentflow.conversions.mapping import Report
from contentflow.conversions.models import Network
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger import services as ledger
from contentflow.portal.statements import recent_lines
from contentflow.portal.words import cause_words
from tests.portal.test_earnings_pages import read, words

PAGE = "/partner/earnings"


def say(network: Network, click_id: str, name: str = "T1", amount: int | None = 1_000, **more) -> None:
    report = Report(
        transaction=name,
        type="sale",
        click_id=click_id,
        amount=amount,
        currency="EUR",
        at=clock.now(),
        **more,
    )
    with transaction():
        services.record(db.session.scalars(select(Network)).one(), report)


def test_what_waits_for_the_advertiser_stands_apart_from_what_is_due(alice_client, alice, network, click):
    say(network, click(), "T1", 10_000, state="pending")
    say(network, click(), "T2", 1_000, state="approved")

    page = read(alice_client, PAGE)

    assert "4,00 € en attente" in page
    assert "40,00 € à approuver" in page
    assert "Gagné depuis le début 4,00 €" in page
    assert "Nova · WhatsApp · awin T1 · en attente de l’annonceur" in page
    assert ledger.balances(alice.id)["pending"] == 4_400


def test_an_approval_and_a_rejection_are_lines_of_their_own(alice_client, network, click):
    it, other = click(), click()
    say(network, it, state="pending")
    say(network, other, "T2", state="pending")
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        say(network, it, amount=None, state="approved")
        say(network, other, "T2", None, state="rejected")
        day = clock.in_france(clock.now())
        page = read(alice_client, PAGE)

    assert "Approuvé par l’annonceur" in page
    assert f"awin T1 · approuvé le {day.day} " in page
    assert "Refusé par l’annonceur" in page
    assert "awin T2 · refusé par l’annonceur" in page
    assert "à approuver" not in page.split("Ce que veut dire")[0]


def test_a_correction_shows_before_and_after(app, alice, alice_client, network, click):
    it = click()
    say(network, it)
    say(network, it, amount=2_500)

    page = read(alice_client, f"{PAGE}/statement")

    assert "Montant corrigé par l’annonceur" in page
    assert "montant corrigé par l’annonceur (10,00 € → 25,00 €)" in page
    with app.test_request_context():
        newest, first = sorted(recent_lines(alice.id), key=lambda line: line.cents, reverse=True)
        assert (newest.cents, newest.commission_cents) == (600, 1_500)
        assert (first.cents, first.commission_cents) == (400, 1_000)  # as it was booked then
        assert words(first.rate) == "40 % de 10,00 € de commission"


def test_what_was_available_and_is_rejected_names_who_took_it(alice_client, network, click):
    it = click()
    say(network, it)
    with time_machine.travel(clock.now() + timedelta(days=31)):
        ledger.mature_due()
        say(network, it, amount=None, state="rejected")

    page = read(alice_client, PAGE)

    assert "Reprise" in page
    assert "awin T1 · refusé par l’annonceur" in page


def test_the_kit_tells_what_waits(alice_client, alices_post, network, click):
    say(network, click(), state="pending")

    page = read(alice_client, f"/byop/kit?id={alices_post.id}")

    assert "4,00 € à approuver" in page


def test_a_rejected_sale_is_no_step_of_the_funnel(alice_client, network, click):
    say(network, click(), state="rejected")

    assert "1 vente" not in read(alice_client, PAGE)


def test_an_operators_own_words_are_shown_as_they_were_written(app):
    with app.test_request_context():
        assert cause_words("double order") == "double order"
        assert cause_words("corrected") == "montant corrigé par l’annonceur"
        assert words(cause_words("rejected 1000>800")) == "refusé par l’annonceur (10,00 € → 8,00 €)"


def test_erasing_gives_up_only_what_is_due(alice_client, network, click):
    say(network, click(), state="pending")

    assert "renonces" not in read(alice_client, "/partner/erase")
