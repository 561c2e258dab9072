"""The partner's pages of clicks and money."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from babel.dates import format_date
from flask.testing import FlaskClient

from contentflow.core import clock
from contentflow.core.csv_lines import csv_line, decimal_cents
from contentflow.core.db import transaction
from contentflow.ledger import services
from contentflow.links.sentences import explain_hits
from contentflow.portal.statements import months_of


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.replace("\u202f", " ").replace("\xa0", " ")))


def read(client: FlaskClient, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return words(answer.get_data(as_text=True))


def rows(client: FlaskClient, url: str) -> list[list[str]]:
    answer = client.get(url + ("&" if "?" in url else "?") + "dialect=machine")
    assert answer.mimetype == "text/csv"
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True), newline="")))


def test_the_page_says_what_is_there_and_what_is_held_in_general_words(
    alice_client, alices_post, click, postback
):
    postback("T1", amount_cents=9_600, click_id=click())
    postback("T2", amount_cents=1_000, click_id=click("x", "self"))

    page = read(alice_client, "/partner/earnings")

    assert "38,40 € en attente" in page
    assert "4,00 € retenus." in page
    assert "l’équipe vérifie" in page.replace("&#39;", "'")


def test_the_funnel_names_the_best_channel(alice_client, alices_post, click, postback):
    postback("T1", amount_cents=9_600, click_id=click("telegram"))
    click("x")

    page = read(alice_client, f"/partner/earnings?id={alices_post.id}")

    assert "Telegram te rapporte le plus : 38,40 €." in page


def test_without_any_sale_the_best_channel_is_the_one_that_brings_people(alice_client, alices_post, click):
    click("x")

    assert "X t’amène le plus de visites : 1 clic valide." in read(alice_client, "/partner/earnings").replace(
        "&#39;", "'"
    )


def test_from_800_euros_the_page_warns_of_the_contract(alice_client, alices_post, click, postback):
    postback("T1", amount_cents=200_000, click_id=click())

    assert "Nova : 800,00 € cette année." in read(alice_client, "/partner/earnings")


@pytest.mark.parametrize("by", ["day", "channel", "post", "link"])
def test_every_hit_is_explained_in_a_sentence(alice_client, alices_post, click, by: str):
    for verdict in ("valid", "valid", "preview_bot", "duplicate"):
        click("x", verdict)

    page = read(alice_client, f"/partner/earnings/clicks?by={by}")

    assert "4 visites : 1 aperçu de messagerie, 1 doublon, 2 valides." in page


def test_a_post_alone_can_be_looked_at(alice_client, alices_post, click):
    click("x")

    for by in ("day", "channel", "link"):
        assert "1 visite : 1 valide." in read(
            alice_client, f"/partner/earnings/clicks?by={by}&id={alices_post.id}"
        )


def test_a_view_that_does_not_exist_is_missing(alice_client):
    assert alice_client.get("/partner/earnings/clicks?by=moon").status_code == 404


def test_mallory_sees_nothing_of_alices(mallory_client, alices_post, click, postback):
    postback("T1", click_id=click())

    for path in ("/partner/earnings?id=", "/partner/earnings/clicks?id="):
        assert mallory_client.get(path + alices_post.id).status_code == 404
    assert len(rows(mallory_client, "/partner/earnings/clicks.csv")) == 1
    assert len(rows(mallory_client, "/partner/earnings/statement?format=csv")) == 3


def test_the_csv_has_every_click_once_in_order(alice_client, alices_post, click, monkeypatch):
    monkeypatch.setattr("contentflow.portal.click_report.AT_ONCE", 2)
    made = [click("x", clicked_at=clock.now() - timedelta(minutes=9 - number // 2)) for number in range(7)]

    found = rows(alice_client, "/partner/earnings/clicks.csv")

    assert found[0] == ["at", "submission_id", "channel", "code", "verdict", "click_id"]
    assert sorted(row[5] for row in found[1:]) == sorted(made)
    assert [row[0] for row in found[1:]] == sorted(row[0] for row in found[1:])


def test_the_statement_adds_up_on_the_page_and_in_the_csv(alice_client, alice, alices_post, click, postback):
    before = clock.now().replace(day=1) - timedelta(days=3)
    with time_machine.travel(before):
        postback("T0", amount_cents=2_500, click_id=click())
    postback("T1", amount_cents=9_600, click_id=click())
    postback("T1", "refund", 4_800)

    page = read(alice_client, "/partner/earnings/statement")
    found = rows(alice_client, "/partner/earnings/statement?format=csv")

    assert "Pas encore versé au début du mois 10,00 €" in page
    assert "Pas encore versé à ce jour 29,20 €" in page
    last = read(alice_client, f"/partner/earnings/statement?month={before:%Y-%m}")
    assert "Pas encore versé à la fin du mois 10,00 €" in last
    assert "2023-451" in page
    assert [(row[1], row[6]) for row in found[1:]] == [
        ("opening", "10.00"),
        ("sale", "38.40"),
        ("refund", "-19.20"),
        ("closing", "29.20"),
    ]
    assert months_of(alice.id) == [f"{clock.now():%Y-%m}", f"{before:%Y-%m}"]


def test_moves_between_accounts_do_not_stand_in_the_statement(alice_client, alices_post, click, postback):
    postback("T1", click_id=click(verdict="self"))
    with time_machine.travel(clock.now() + timedelta(seconds=1)):
        services.mature_due()

    found = rows(alice_client, "/partner/earnings/statement?format=csv")

    assert [row[1] for row in found[1:4]] == ["opening", "sale", "closing"]


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "x", "1999-01"])
def test_a_month_that_is_none_is_refused(alice_client, month: str):
    assert alice_client.get(f"/partner/earnings/statement?month={month}").status_code == 422


def test_the_export_holds_conversions_and_ledger(alice_client, alices_post, click, postback):
    sale = postback("T1", amount_cents=9_600, click_id=click())

    held = alice_client.get("/partner/export.json").json

    assert [(row["id"], row["network"], row["earned_cents"]) for row in held["conversions"]] == [
        (sale.id, "awin", 3_840)
    ]
    assert [(row["kind"], row["account"], row["amount_cents"]) for row in held["ledger"]] == [
        ("sale", "pending", 3_840)
    ]


def test_a_cell_that_a_spreadsheet_would_run_is_tamed():
    assert csv_line(["=1+1", "@x", "-5.20", -3, 'a"b']) == '\'=1+1,\'@x,-5.20,-3,"a""b"\r\n'
    assert (decimal_cents(-5), decimal_cents(123_456)) == ("-0.05", "1234.56")


@pytest.mark.parametrize("cell", ["T1;=2+3", "T1; @SUM(A1)", "T1;-2+3"])
def test_a_semicolon_does_not_make_a_cell_run_in_a_french_spreadsheet(cell: str):
    parts = csv_line([cell]).strip().strip('"').split(";")

    assert all(not part.strip().startswith(("=", "-", "@")) for part in parts)


def test_figures_stay_figures():
    assert csv_line(["-38.40", "12", "-1-2"]) == "-38.40,12,'-1-2\r\n"


def test_hits_are_told_in_the_order_of_the_verdicts(app):
    with app.test_request_context():
        told = explain_hits({"valid": 201, "preview_bot": 180, "duplicate": 31})
        assert words(told) == "412 visites : 180 aperçus de messageries, 31 doublons, 201 valides."
        assert explain_hits({}) == "Aucune visite."


def test_a_clawback_names_its_reason(alice_client, alices_post, click, postback):
    from sqlalchemy import select

    from contentflow.core.db import db
    from contentflow.ledger.models import Commission

    postback("T1", click_id=click())
    with transaction():
        services.claw_back(db.session.scalars(select(Commission.id)).one(), 100, "Commande annulée", "cli")

    assert "Nova IA · Nova · WhatsApp · awin T1 · Commande annulée" in read(
        alice_client, "/partner/earnings/statement"
    )


def test_the_page_says_when_the_next_money_becomes_available(alice_client, alices_post, click, postback):
    postback("T1", amount_cents=9_600, click_id=click())
    with time_machine.travel(clock.now() + timedelta(days=3)):
        postback("T2", amount_cents=1_000, click_id=click())

    first = format_date(clock.in_france(clock.now() + timedelta(days=30)), "long", locale="fr")
    page = read(alice_client, "/partner/earnings")

    assert f"Ton prochain gain devient disponible le {first}." in page


def test_without_anything_pending_no_day_is_promised(alice_client, alices_post, click, postback):
    postback("T1", click_id=click(verdict="self"))

    assert "Ton prochain gain" not in read(alice_client, "/partner/earnings")


def test_a_month_begins_at_midnight_in_france_and_is_written_in_words(
    alice_client, alices_post, click, postback
):
    with time_machine.travel(datetime(2026, 10, 31, 22, 59, 0, tzinfo=UTC)):
        postback("T1", amount_cents=1_000, click_id=click())
    with time_machine.travel(datetime(2026, 10, 31, 23, 0, 1, tzinfo=UTC)):
        postback("T2", amount_cents=2_000, click_id=click())

    october = read(alice_client, "/partner/earnings/statement?month=2026-10")
    november = read(alice_client, "/partner/earnings/statement?month=2026-11")

    assert "octobre 2026" in october and "novembre 2026" in november
    assert "T1" in october and "T2" not in october
    assert "T2" in november and "T1" not in november


def test_what_was_taken_has_a_true_minus_before_it(alice_client, alices_post, click, postback):
    postback("T1", amount_cents=9_600, click_id=click())
    postback("T1", "refund", 4_800)

    assert "\u221219,20 €" in read(alice_client, "/partner/earnings/statement")


def test_who_has_no_post_yet_is_led_to_the_first(alice_client):
    assert (
        'href="/byop/new"' in alice_client.get("/partner/earnings").get_data(as_text=True).split("<main")[1]
    )


def test_who_has_posts_that_nobody_saw_is_led_to_them(alice_client, alices_post):
    page = alice_client.get("/partner/earnings").get_data(as_text=True).split("<main")[1]

    assert 'href="/byop/new"' not in page and 'href="/partner/portal"' in page
