"""A send does not vanish: its result, the last ones in the kit, all mails of a post, and what counts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from contentflow.consent import services as consents
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import Delivery
from contentflow.sharekit import services
from contentflow.sharekit.models import ShareLog
from contentflow.sharekit.retention import KEPT, erase_old_shares
from contentflow.sharekit.sends import PAGE
from tests.house import post, run_work
from tests.mailing.letters import let_leave
from tests.sharekit.marks import Marks
from tests.sharekit.test_email import HTMX, addresses, deliveries, fields, left_in, verdicts


def send(client: FlaskClient, sid: str, emails: str, nonce: str = "n1") -> str:
    """Press “send” and return the address of the result."""
    return post(client, "/byop/email", fields(sid, emails, nonce=nonce)).headers["Location"]


def page_of(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)


def states_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-recipient="([^"]*)"[^>]* data-state="(\w+)"', page))


# The result


def test_the_address_of_the_page_becomes_the_results_without_a_reload(
    alice_client: FlaskClient, alices_post: Any
):
    response = post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"), headers=HTMX)

    here = response.headers["HX-Replace-Url"]
    assert here == f"/byop/kit?id={alices_post.id}&send={deliveries()[0].send_id}#email"
    again = page_of(alice_client, here)
    assert verdicts(again) == {"carla@example.org": "queued"}
    assert "Annuler l’envoi" in again


def test_a_refused_form_keeps_the_address_of_the_page(alice_client: FlaskClient, alices_post: Any):
    response = post(alice_client, "/byop/email", fields(alices_post.id, "oops"), headers=HTMX)

    assert response.status_code == 422
    assert "HX-Replace-Url" not in response.headers


def test_the_kit_lists_the_last_three_sends_and_takes_one_back_from_there(
    app: Flask, alice_client: FlaskClient, alices_post: Any
):
    for number in range(4):
        send(alice_client, alices_post.id, f"r{number}@example.org", str(number))
    sends = [row.send_id for row in sorted(deliveries(), key=lambda row: row.created_at)]

    kit = page_of(alice_client, f"/byop/kit?id={alices_post.id}")

    assert re.findall(r'data-send="(\w+)"', kit) == sends[:0:-1]
    assert kit.count("Annuler l’envoi") == 3 and kit.count("1 message en route") == 3
    post(alice_client, "/byop/email/cancel", {"send": sends[3]})
    after = page_of(alice_client, f"/byop/kit?id={alices_post.id}")
    assert after.count("Annuler l’envoi") == 2 and "Envoi annulé" in after


def test_a_result_does_not_stand_in_the_list_beside_it(alice_client: FlaskClient, alices_post: Any):
    older = send(alice_client, alices_post.id, "carla@example.org", "1")
    newer = send(alice_client, alices_post.id, "dan@example.org", "2")

    page = page_of(alice_client, newer)

    listed = re.findall(r'data-send="(\w+)"', page)
    assert len(listed) == 1 and listed[0] in older


def test_a_send_that_reached_nobody_is_not_listed(alice_client: FlaskClient, alices_post: Any):
    send(alice_client, alices_post.id, "carla@example.org", "1")
    send(alice_client, alices_post.id, "carla@example.org", "2")

    kit = page_of(alice_client, f"/byop/kit?id={alices_post.id}")

    assert kit.count("data-send=") == 1


# All mails of a post


def test_one_page_shows_every_mail_of_the_post_with_its_state(
    app: Flask, alice_client: FlaskClient, alices_post: Any
):
    send(alice_client, alices_post.id, "carla@example.org", "1")
    let_leave()
    run_work(app)
    send(alice_client, alices_post.id, "dan@example.org, eve@example.org", "2")
    with transaction():
        db.session.execute(
            update(Delivery).where(Delivery.recipient == "eve@example.org").values(state="failed")
        )

    every = page_of(alice_client, f"/byop/mails?id={alices_post.id}")
    waiting = page_of(alice_client, f"/byop/mails?id={alices_post.id}&state=waiting")

    assert states_of(every) == {
        "carla@example.org": "sent",
        "dan@example.org": "queued",
        "eve@example.org": "failed",
    }
    assert states_of(waiting) == {"dan@example.org": "queued"}
    assert re.findall(r'id="tab-(\w+)"', every) == ["all", "waiting", "sent", "failed"]
    assert re.findall(r'id="tab-(\w+)"[^>]* aria-current', waiting) == ["waiting"]


@pytest.mark.parametrize(
    ("page", "shown"), [("", PAGE), ("2", 3), ("99", 3), ("0", PAGE), ("x", PAGE), ("-1", PAGE)]
)
def test_many_mails_come_by_pages(alice_client: FlaskClient, alices_post: Any, page: str, shown: int):
    send(alice_client, alices_post.id, addresses(PAGE + 3))

    found = page_of(alice_client, f"/byop/mails?id={alices_post.id}&page={page}")

    assert found.count("data-recipient=") == shown
    assert f"{PAGE + 3} e-mails" in found


def test_a_filter_goes_on_through_its_pages_and_an_unknown_one_is_none(
    alice_client: FlaskClient, alices_post: Any
):
    send(alice_client, alices_post.id, addresses(PAGE + 1))

    first = page_of(alice_client, f"/byop/mails?id={alices_post.id}&state=waiting")
    unknown = page_of(alice_client, f"/byop/mails?id={alices_post.id}&state=queued'--")

    assert "state=waiting&amp;page=2" in first
    assert unknown.count("data-recipient=") == PAGE and "state=queued" not in unknown


def test_mallory_and_strangers_see_no_mail_of_alices(
    client: FlaskClient, alice_client: FlaskClient, mallory_client: FlaskClient, alices_post: Any
):
    send(alice_client, alices_post.id, "carla@example.org")

    assert mallory_client.get(f"/byop/mails?id={alices_post.id}").status_code == 404
    assert client.get(f"/byop/mails?id={alices_post.id}").status_code == 303


def test_an_erased_address_is_said_to_be_erased(alice_client: FlaskClient, alices_post: Any):
    send(alice_client, alices_post.id, "carla@example.org")
    with transaction():
        db.session.execute(update(Delivery).values(recipient=None))

    page = page_of(alice_client, f"/byop/mails?id={alices_post.id}")

    assert "Adresse effacée" in page and "carla" not in page


def test_a_post_without_mails_says_so(alice_client: FlaskClient, alices_post: Any):
    page = page_of(alice_client, f"/byop/mails?id={alices_post.id}")

    assert "Aucun e-mail pour ce post" in page


# Trimming


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_trim_only_trims_and_the_button_says_how_many(
    alice_client: FlaskClient, alices_post: Any, headers: dict[str, str]
):
    send(alice_client, alices_post.id, addresses(163))

    data = fields(alices_post.id, f"oops, {addresses(40, 'late')}", nonce="n2", keep="37")
    response = post(alice_client, "/byop/email", data, headers=headers)
    page = response.get_data(as_text=True)

    assert response.status_code == 200
    assert len(deliveries()) == 163 and left_in(page) == [37]
    typed = re.search(r'<textarea[^>]*name="emails"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    assert typed is not None and typed[1].split() == [f"late{number}@example.org" for number in range(37)]
    assert "Envoyer à 37 personnes" in page
    assert "3 adresses mises de côté" in page and "late39@example.org" in page
    assert 'name="consent"' in page and " checked" in page


def test_a_trimmed_list_is_sent_by_its_own_button(alice_client: FlaskClient, alices_post: Any):
    send(alice_client, alices_post.id, addresses(163))
    data = fields(alices_post.id, addresses(40, "late"), nonce="n2", keep="37")
    page = post(alice_client, "/byop/email", data).get_data(as_text=True)
    typed = re.search(r'<textarea[^>]*name="emails"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    assert typed is not None

    post(alice_client, "/byop/email", fields(alices_post.id, typed[1], nonce="n2"))

    assert len(deliveries()) == 200


def test_a_trim_of_too_many_entries_loses_nothing_that_was_typed(alice_client: FlaskClient, alices_post: Any):
    data = fields(alices_post.id, addresses(1001), keep="3")

    response = post(alice_client, "/byop/email", data)

    assert response.status_code == 422
    assert "reader1000@example.org" in response.get_data(as_text=True)


@pytest.mark.parametrize("keep", ["-3", "0", "x", ""])
def test_what_is_no_number_to_keep_is_an_ordinary_send(
    alice_client: FlaskClient, alices_post: Any, keep: str
):
    send(alice_client, alices_post.id, "carla@example.org", "0")

    post(alice_client, "/byop/email", fields(alices_post.id, "dan@example.org", nonce="n2", keep=keep))

    assert len(deliveries()) == 2


def test_the_button_says_how_many_as_they_are_typed(alice_client: FlaskClient, alices_post: Any):
    def words(emails: str) -> str:
        typed = fields(alices_post.id, emails)
        page = post(alice_client, "/byop/email/check", typed, headers=HTMX).get_data(as_text=True)
        found = re.search(r'<span id="email-send-words" hx-swap-oob="true">([^<]*)', page)
        assert found is not None
        return found[1]

    assert words("carla@example.org, dan@example.org, oops") == "Envoyer à 2 personnes"
    assert words("carla@example.org") == "Envoyer à 1 personne"
    assert words("oops") == words(addresses(201)) == "Envoyer"


# What counts


def counter(client: FlaskClient, sid: str) -> int:
    return Marks(page_of(client, f"/byop/kit?id={sid}")).counts()["email"]


def test_a_send_taken_back_whole_is_no_share(alice: Any, alice_client: FlaskClient, alices_post: Any):
    send(alice_client, alices_post.id, addresses(2), "1")
    send(alice_client, alices_post.id, addresses(3, "more"), "2")
    assert counter(alice_client, alices_post.id) == 2

    newest = max(deliveries(), key=lambda row: row.created_at)
    post(alice_client, "/byop/email/cancel", {"send": newest.send_id})

    assert counter(alice_client, alices_post.id) == 1
    assert sorted(log["recipients"] for log in services.export_share_logs(alice.id)) == [0, 2]


def test_a_send_taken_back_in_part_is_one_of_fewer(
    app: Flask, alice: Any, alice_client: FlaskClient, alices_post: Any
):
    send(alice_client, alices_post.id, addresses(3))
    with transaction():
        consents.suppress("reader0@example.org")

    assert counter(alice_client, alices_post.id) == 1
    assert [log["recipients"] for log in services.export_share_logs(alice.id)] == [2]


def test_a_send_taken_back_is_no_share_after_13_months_either(alice_client: FlaskClient, alices_post: Any):
    send(alice_client, alices_post.id, addresses(2), "1")
    post(alice_client, "/byop/email/cancel", {"send": deliveries()[0].send_id})
    send(alice_client, alices_post.id, addresses(2), "2")
    with transaction():
        db.session.execute(update(ShareLog).values(created_at=clock.now() - KEPT - clock.now().resolution))

    erase_old_shares()

    assert db.session.scalars(select(ShareLog)).all() == []
    assert counter(alice_client, alices_post.id) == 1


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("queued", "attend déjà de partir"),
        ("sending", "attend déjà de partir"),
        ("unknown", "peut-être déjà reçu"),
        ("sent", "A déjà reçu ce post"),
    ],
)
def test_only_whom_it_reached_has_received_it(
    alice_client: FlaskClient, alices_post: Any, state: str, sentence: str
):
    send(alice_client, alices_post.id, "carla@example.org")
    with transaction():
        db.session.execute(update(Delivery).values(state=state))

    typed = fields(alices_post.id, "carla@example.org")
    judged = post(alice_client, "/byop/email/check", typed, headers=HTMX).get_data(as_text=True)
    sent = page_of(alice_client, send(alice_client, alices_post.id, "carla@example.org", "n2"))

    for page in (judged, sent):
        assert verdicts(page) == {"carla@example.org": "already_sent"}
        assert sentence in page
