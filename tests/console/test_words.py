"""The console speaks the reader's language: no word of the code is shown, and each button names its row."""

from __future__ import annotations

import re

import pytest

from contentflow.console.words import changes, in_words
from contentflow.core import audit, clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.mailing.models import Delivery, SenderPause
from tests.guards.test_pages import check

ENGLISH = {"Accept-Language": "en"}


def said(page: str) -> list[str]:
    """Return what each button and link of the content says to who hears it."""
    content = page[page.index('id="page"') :]
    found = re.findall(
        r"<(?:button|summary|a class=.btn)[^>]*>(.*?)</(?:button|summary|a)>", content, re.DOTALL
    )
    return [" ".join(re.sub(r"<[^>]+>", "", one).split()) for one in found]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"state": "held"}, {"state": "kept"}, ["état : retenu → gardé"]),
        (
            {"state": "held", "reason": "burst", "cents": 1_250}, {"state": "released"},
            ["état : retenu → libéré", "raison : rafale", "somme : 12,50\xa0€"],
        ),
        (None, {"month": "2026-10"}, ["mois : 2026-10"]),
        ({"state": "proposed"}, None, ["état : proposé → –"]),
        ({"role": "reader"}, {"role": None}, ["rôle : lecteur → –"]),
        ({"alone": True}, {"alone": True}, ["seul : oui"]),
        ({"odd": ["sale", {"state": "sent"}]}, {}, ["odd : vente, état envoyé → –"]),
        ({"revshare_bp": 4_000}, {"revshare_bp": 5_000}, ["part : 40\xa0% → 50\xa0%"]),
        (None, None, []),
    ],
)  # fmt: skip
def test_an_entry_says_before_and_after_in_words(app, before, after, lines):
    with app.test_request_context():
        plain = [re.sub("\u202f", "\xa0", one) for one in changes(AuditEntry(before=before, after=after))]

    assert plain == lines


def test_an_unknown_word_stays_and_english_has_its_own(app):
    with app.test_request_context(headers=ENGLISH):
        assert (in_words("kept"), in_words("x-y")) == ("kept", "x-y")
        assert in_words("self_click") == "the partner’s click"


def test_the_audit_shows_no_dictionary(olga_client):
    with transaction():
        audit.note("cli", "hold.keep", "h", before={"state": "held"}, after={"state": "kept"})

    page = olga_client.get("/console/audit").text

    check(page)
    assert "état : retenu → gardé" in page and "{&#39;" not in page
    assert "state: held → kept" in olga_client.get("/console/audit", headers=ENGLISH).text


def test_no_word_of_the_code_stands_on_a_french_page(olga_client, alice, alices_post, click, postback):
    with transaction():
        for state in ("queued", "scheduled", "failed"):
            db.session.add(Delivery(kind="share", state=state, recipient_hash="h", partner_id=alice.id))
    postback("N-1", click_id=click(verdict="self"))

    mail = olga_client.get("/console/mail").text
    partner = olga_client.get(f"/console/partners/{alice.id}").text
    sales = olga_client.get("/console/conversions").text

    assert all(word in mail for word in ("en attente", "prévu", "échoué", "partage ·"))
    assert "clic du partenaire" in partner and "self" not in re.sub("<[^>]+>", "", partner)
    assert "· vente ·" in sales and "· sale ·" not in sales


def test_a_button_of_a_row_names_its_row(olga_client, alice, bob, offer, alices_post, postback):
    postback("N-1")
    with transaction():
        for one in (alice, bob):
            db.session.add(
                SenderPause(scope=one.id, sent=100, bounced=9, complained=0, paused_at=clock.now())
            )

    for path, wanted in {
        "mail": ["Reprendre ses envois Alice Martin", "Reprendre ses envois Bob Durand"],
        "partners": ["Suspendre Alice Martin"],
        "posts": ["Retirer « Une heure gagnée par jour »", "Valider les posts cochés"],
        "offers": ["Mettre en pause Nova IA"],
    }.items():
        texts = said(olga_client.get(f"/console/{path}").text)
        assert [one for one in wanted if one not in texts] == [], texts
    assert any(re.fullmatch("Voir .* N-1", one) for one in said(olga_client.get("/console/conversions").text))
    labels = re.findall(r'<label for="reason-[12]">(.*?)</label>', olga_client.get("/console/mail").text)
    assert len(set(labels)) == 2
