"""Files of clicks and money: as a spreadsheet of the page's language opens them, and as machines do."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import update

from contentflow.byop.models import Submission
from contentflow.core.csv_lines import MACHINE, OF_LANGUAGE
from contentflow.core.db import db, transaction

MONTH = "/partner/earnings/statement?month=2026-11&format=csv"
CLICKS = "/partner/earnings/clicks.csv"
NIGHT = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)  # the 28th in Paris


def raw(client: FlaskClient, url: str, language: str = "fr") -> str:
    answer = client.get(url, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return answer.data.decode("utf-8")


def sheet(text: str, separator: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator))


@pytest.fixture
def sold(alices_post, click, postback):
    with time_machine.travel(NIGHT):
        postback("T1", amount_cents=9_600, click_id=click("telegram"))
        postback("T1", "refund", 4_800)


def test_a_french_spreadsheet_opens_the_statement(alice_client, sold):
    text = raw(alice_client, MONTH)

    assert text.startswith("\ufeffDate;Écriture;")
    rows = sheet(text, ";")
    assert [row["Montant (EUR)"] for row in rows] == ["0,00", "38,40", "-19,20", "19,20"]
    assert rows[1]["Date"] == "28/11/2026 00:30:00"
    assert (rows[1]["Écriture"], rows[2]["Écriture"]) == ("Vente", "Remboursement")
    assert (rows[1]["Post"], rows[1]["Offre"]) == ("Une heure gagnée par jour", "Nova IA")
    assert (rows[1]["Réseau"], rows[1]["Plateforme"], rows[1]["Transaction"]) == ("Telegram", "awin", "T1")
    assert (rows[1]["Part en %"], rows[1]["Commission (EUR)"]) == ("40", "96,00")
    assert rows[2]["Commission (EUR)"] == "-48,00"
    assert (rows[3]["En attente (EUR)"], rows[3]["Disponible (EUR)"]) == ("19,20", "0,00")
    assert "2023-451" not in text and len(rows) == 4


def test_an_english_spreadsheet_opens_the_statement(alice_client, sold):
    text = raw(alice_client, MONTH, "en")

    assert text.startswith("\ufeffDate,Entry,")
    rows = sheet(text, ",")
    assert [row["Amount (EUR)"] for row in rows] == ["0.00", "38.40", "-19.20", "19.20"]
    assert rows[1]["Date"] == "2026-11-28 00:30:00"
    assert rows[3]["Entry"] == "Not paid yet, at the end"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_machines_get_the_same_in_every_language(alice_client, sold, language: str):
    text = raw(alice_client, f"{MONTH}&dialect=machine", language)

    assert text.startswith("at,kind,transaction,channel,advertiser,note,amount_eur,posting_id,")
    assert text.count("\r\n") == text.count("\n") == 5
    rows = sheet(text, ",")
    assert [(row["kind"], row["amount_eur"]) for row in rows] == [
        ("opening", "0.00"), ("sale", "38.40"), ("refund", "-19.20"), ("closing", "19.20")
    ]  # fmt: skip
    assert rows[1]["at"].startswith("2026-11-27T23:30:00") and rows[1]["at"].endswith("Z")
    assert (rows[1]["channel"], rows[1]["network"], rows[1]["share_pct"]) == ("telegram", "awin", "40")
    assert rows[3]["pending_eur"] == "19.20"


def test_clicks_are_written_for_people_and_for_machines(alice_client, alices_post, click):
    own = click("x", "preview_bot", clicked_at=NIGHT)

    french, english = sheet(raw(alice_client, CLICKS), ";"), sheet(raw(alice_client, CLICKS, "en"), ",")
    (machine,) = sheet(raw(alice_client, f"{CLICKS}?dialect=machine"), ",")

    assert french[0]["Date"] == "28/11/2026 00:30:00"
    assert (french[0]["Verdict"], english[0]["Verdict"]) == ("aperçu de messagerie", "messenger preview")
    assert french[0]["Post"] == "Une heure gagnée par jour"
    assert french[0]["Lien"].startswith("/l/")
    assert (machine["verdict"], machine["click_id"]) == ("preview_bot", own)
    assert machine["submission_id"] == alices_post.id


@pytest.mark.parametrize(
    "title", ["=1+1", "+33 6", "@SUM(A1)", "a;=2+3", "b, -5", "\tx", 'dit "oui";non', "l’été\nvient"]
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_title_runs_in_any_spreadsheet(alice_client, alices_post, click, title: str, language: str):
    click("x")
    with transaction():
        db.session.execute(update(Submission).values(title=title))

    text = raw(alice_client, CLICKS, language)

    for separator in ";,":
        for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator):
            for cell in row:
                assert not cell.strip('"').startswith(("=", "+", "@", "\t", "-5")), cell
    assert len(sheet(text, OF_LANGUAGE[language].separator)) == 1


def test_figures_have_the_marks_of_their_language():
    french, english = OF_LANGUAGE["fr"], OF_LANGUAGE["en"]

    assert [one.cents(-3_840) for one in (french, english, MACHINE)] == ["-38,40", "-38.40", "-38.40"]
    assert [one.percent(2_550) for one in (french, english)] == ["25,5", "25.5"]
    assert (french.cents(None), french.percent(None)) == ("", "")
    assert french.line(["-38,40", "a;b"]) == '-38,40;"a;b"\r\n'
    assert english.line(["-38.40", "a,b"]) == '-38.40,"a,b"\r\n'
