"""A kit mailed to people one by one: the form, the cap, taking back, and what is said of each."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from contentflow.consent import services as consents
from contentflow.consent.models import ConsentProof
from contentflow.core.db import db, transaction
from contentflow.mailing.models import Delivery
from contentflow.sharekit.models import ShareLog
from contentflow.sharekit.quota import daily_email_count, left_today
from contentflow.web.security import FRAME_CSP
from tests.factories.posts import PostFactory
from tests.house import browser, csrf, log_in, post, run_work

HTMX = {"HX-Request": "true"}


def fields(sid: str, emails: str, **more: str) -> dict[str, str]:
    return {"sid": sid, "emails": emails, "consent": "1", "nonce": "n1", **more}


def addresses(count: int, prefix: str = "reader") -> str:
    return ", ".join(f"{prefix}{number}@example.org" for number in range(count))


def verdicts(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-recipient="([^"]*)" data-verdict="([^"]*)"', page))


def left_in(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'data-left-today="(\d+)"', page)]


def deliveries() -> list[Delivery]:
    db.session.rollback()
    return list(db.session.scalars(select(Delivery).where(Delivery.kind == "share")))


def test_each_recipient_gets_a_verdict_and_a_delivery(alice_client: FlaskClient, alices_post: Any):
    text = "carla@example.org, carla@example.org\nnot-an-address; Dan <dan@example.org>"

    response = post(alice_client, "/byop/email", fields(alices_post.id, text), headers=HTMX)
    page = response.get_data(as_text=True)

    assert response.status_code == 200
    assert "<html" not in page
    assert re.findall(r'data-verdict="(\w+)"', page) == ["queued", "duplicate", "invalid", "queued"]
    assert left_in(page) == [198]
    assert sorted(row.recipient or "" for row in deliveries()) == ["carla@example.org", "dan@example.org"]
    assert {row.state for row in deliveries()} == {"queued"}


def asked_tables(act: Callable[[], object]) -> set[str]:
    """Return the tables that were read while ``act`` ran."""
    found: set[str] = set()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.update(re.findall(r"(?:FROM|JOIN) (\w+)", statement))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return found


def test_a_check_reads_who_may_be_written_to_and_nothing_else_of_the_kit(
    alice_client: FlaskClient, alices_post: Any
):
    typed = fields(alices_post.id, addresses(3))

    read = asked_tables(lambda: post(alice_client, "/byop/email/check", typed, headers=HTMX))

    assert {"byop_submissions", "suppressions", "first_contacts"} <= read
    assert not read & {"links", "offers", "assets", "contact_share_logs", "click_link_totals"}


def test_a_send_is_one_share_log_with_its_number_of_recipients(alice_client: FlaskClient, alices_post: Any):
    post(alice_client, "/byop/email", fields(alices_post.id, addresses(3)))

    db.session.rollback()
    log = db.session.scalars(select(ShareLog)).one()
    assert (log.channel, log.recipients_count) == ("email", 3)
    assert log.message.startswith("Publicité\n")


def test_the_plain_form_leads_back_to_the_kit_with_the_result(alice_client: FlaskClient, alices_post: Any):
    response = post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"))

    assert response.status_code == 303
    page = alice_client.get(response.headers["Location"]).get_data(as_text=True)
    assert verdicts(page) == {"carla@example.org": "queued"}
    assert left_in(page) == [199]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_without_consent_nothing_leaves_and_what_was_typed_stays(
    alice_client: FlaskClient, alices_post: Any, headers: dict[str, str]
):
    data = fields(alices_post.id, "carla@example.org\nà garder", consent="")

    response = post(alice_client, "/byop/email", data, headers=headers)
    page = response.get_data(as_text=True)

    assert response.status_code == 422
    assert "carla@example.org\nà garder</textarea>" in page.replace("\r", "")
    assert 'id="consent-error"' in page
    assert deliveries() == []
    assert left_in(page) == [200]


@pytest.mark.parametrize("emails", ["", "   ", "nobody", "a@b, @, x@"])
def test_without_a_good_address_nothing_leaves(alice_client: FlaskClient, alices_post: Any, emails: str):
    response = post(alice_client, "/byop/email", fields(alices_post.id, emails))

    assert response.status_code == 422
    assert 'id="emails-error"' in response.get_data(as_text=True)
    assert deliveries() == []
    assert db.session.scalars(select(ShareLog)).all() == []


def test_more_than_a_thousand_addresses_are_refused(alice_client: FlaskClient, alices_post: Any):
    response = post(alice_client, "/byop/email", fields(alices_post.id, addresses(1001)))

    assert response.status_code == 422
    assert deliveries() == []


def test_the_proof_of_consent_is_kept(alice_client: FlaskClient, alices_post: Any):
    post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"))

    db.session.rollback()
    proof = db.session.scalars(select(ConsentProof)).one()
    assert "m’a dit" in proof.text
    assert (proof.origin, proof.language, proof.submission_id) == ("kit", "fr", alices_post.id)


def test_a_second_press_sends_nothing_twice(alice_client: FlaskClient, alices_post: Any):
    data = fields(alices_post.id, addresses(5))

    first = post(alice_client, "/byop/email", data, headers=HTMX).get_data(as_text=True)
    second = post(alice_client, "/byop/email", data, headers=HTMX).get_data(as_text=True)

    assert verdicts(first) == verdicts(second)
    assert len(deliveries()) == 5
    assert left_in(second) == [195]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_form_that_came_back_with_other_people_is_a_new_send(
    alice_client: FlaskClient, alices_post: Any, headers: dict[str, str]
):
    """Back in the browser, a restored window and a doubled tab all show the form with its old nonce."""
    post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"), headers=headers)

    answer = post(alice_client, "/byop/email", fields(alices_post.id, "dan@example.org"), headers=headers)
    if not headers:
        answer = alice_client.get(answer.headers["Location"])

    assert verdicts(answer.get_data(as_text=True)) == {"dan@example.org": "queued"}
    assert sorted(row.recipient or "" for row in deliveries()) == ["carla@example.org", "dan@example.org"]
    assert left_in(answer.get_data(as_text=True)) == [198]


def test_the_same_people_in_another_writing_are_the_send_that_was(
    alice_client: FlaskClient, alices_post: Any
):
    first, again = (
        post(alice_client, "/byop/email", fields(alices_post.id, text))
        for text in ("carla@example.org, dan@example.org", "Dan <DAN@example.org>\n\ncarla@example.org;")
    )

    assert first.headers["Location"] == again.headers["Location"]
    assert len(deliveries()) == 2


def test_going_back_and_forth_finds_each_send_again(alice_client: FlaskClient, alices_post: Any):
    carla, dan, carla_again = (
        post(alice_client, "/byop/email", fields(alices_post.id, f"{name}@example.org")).headers["Location"]
        for name in ("carla", "dan", "carla")
    )

    assert carla == carla_again != dan
    db.session.rollback()
    assert len(db.session.scalars(select(ShareLog)).all()) == 2


def test_replies_that_are_now_wanted_make_it_another_send(alice_client: FlaskClient, alices_post: Any):
    plain = post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"))
    with_replies = post(
        alice_client, "/byop/email", fields(alices_post.id, "carla@example.org", reply_to="1"), headers=HTMX
    )

    assert plain.status_code == 303
    assert list(verdicts(with_replies.get_data(as_text=True)).values()) == ["already_sent"]
    assert len(deliveries()) == 1


def test_a_form_that_came_back_without_its_consent_is_refused(alice_client: FlaskClient, alices_post: Any):
    post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"))

    response = post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org", consent=""))

    assert response.status_code == 422


@pytest.mark.parametrize(("people", "sends"), [(["same"] * 6, 1), (["one", "two", "three"] * 2, 3)])
def test_two_tabs_at_once_send_once_to_the_same_people_and_apart_to_others(
    make_app, alice: Any, alices_post: Any, people: list[str], sends: int
):
    app = make_app()
    places: list[str] = []

    def press(name: str) -> None:
        client = log_in(browser(app), alice.id)
        data = fields(alices_post.id, f"{name}@example.org", csrf_token=csrf(client))
        places.append(client.post("/byop/email", data=data).headers["Location"])

    threads = [threading.Thread(target=press, args=(name,)) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(places), len(set(places))) == (6, sends)
    assert len(deliveries()) == sends


def test_the_same_address_is_not_mailed_the_same_post_again(alice_client: FlaskClient, alices_post: Any):
    post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"))

    page = post(
        alice_client, "/byop/email", fields(alices_post.id, "CARLA@example.org", nonce="n2"), headers=HTMX
    ).get_data(as_text=True)

    assert list(verdicts(page).values()) == ["already_sent"]
    assert len(deliveries()) == 1
    assert left_in(page) == [199]


def test_the_201st_recipient_of_the_day_is_refused_and_nothing_is_queued(
    alice_client: FlaskClient, alices_post: Any, alice: Any
):
    post(alice_client, "/byop/email", fields(alices_post.id, addresses(163)))

    data = fields(alices_post.id, addresses(40, "late"), nonce="n2")
    response = post(alice_client, "/byop/email", data, headers=HTMX)
    page = response.get_data(as_text=True)

    assert response.status_code == 429
    assert 86_000 < int(response.headers["Retry-After"]) <= 86_400
    assert len(deliveries()) == 163
    assert daily_email_count(alice.id) == 163
    assert left_in(page) == [37]
    assert "Il en reste 37" in page
    assert "late39@example.org" in page


def test_what_can_never_fit_says_a_day(make_app, alice_client: FlaskClient, alices_post: Any, alice: Any):
    small = log_in(browser(make_app(SHARE_EMAIL_DAILY_LIMIT="3")), alice.id)

    response = post(small, "/byop/email", fields(alices_post.id, addresses(4)))

    assert response.status_code == 429
    assert response.headers["Retry-After"] == "86400"
    assert deliveries() == []


def test_what_reaches_nobody_costs_nothing(make_app, alice_client: FlaskClient, alices_post: Any, alice: Any):
    with transaction():
        consents.suppress("left@example.org")
    nothing_left = log_in(browser(make_app(SHARE_EMAIL_DAILY_LIMIT="0")), alice.id)

    page = post(nothing_left, "/byop/email", fields(alices_post.id, "left@example.org"), headers=HTMX)

    assert page.status_code == 200
    assert verdicts(page.get_data(as_text=True)) == {"left@example.org": "unavailable"}
    assert deliveries() == []


def test_a_send_can_be_taken_back_and_gives_no_place_back(
    app: Flask, alice_client: FlaskClient, alices_post: Any, alice: Any
):
    post(alice_client, "/byop/email", fields(alices_post.id, addresses(4)))
    send_id = deliveries()[0].send_id

    response = post(alice_client, "/byop/email/cancel", {"send": send_id}, headers=HTMX)
    run_work(app)

    assert re.findall(r'data-state="(\w+)"', response.get_data(as_text=True)) == ["cancelled"] * 4
    assert {row.state for row in deliveries()} == {"cancelled"}
    assert left_today(alice.id) == 196


def test_a_send_taken_back_whole_says_that_nothing_left(alice_client: FlaskClient, alices_post: Any):
    page = post(alice_client, "/byop/email", fields(alices_post.id, addresses(2)), headers=HTMX)
    assert "tu peux encore tout annuler" in page.get_data(as_text=True)
    send = re.search(r'name="send" value="(\w+)"', page.get_data(as_text=True))
    assert send is not None

    taken_back = post(alice_client, "/byop/email/cancel", {"send": send[1]}, headers=HTMX)

    assert "Envoi annulé" in taken_back.get_data(as_text=True)
    assert "message" not in " ".join(re.findall(r"<strong>(.*?)</strong>", taken_back.get_data(as_text=True)))


def test_too_many_are_not_called_recipients_while_they_are_typed(make_app, alice: Any, alices_post: Any):
    client = log_in(browser(make_app(SHARE_EMAIL_DAILY_LIMIT="3")), alice.id)
    typed = {"sid": alices_post.id, "emails": addresses(5)}

    page = post(client, "/byop/email/check", typed, headers=HTMX).get_data(as_text=True)

    assert "5 au lieu de 3 au plus" in page
    assert "personnes recevront" not in page
    assert "Recevra ton message" not in page
    assert page.count("Adresse valable") == 5


def test_the_trim_is_offered_while_too_many_are_typed(make_app, alice: Any, alices_post: Any):
    client = log_in(browser(make_app(SHARE_EMAIL_DAILY_LIMIT="3")), alice.id)

    page = post(client, "/byop/email/check", fields(alices_post.id, addresses(5)), headers=HTMX)
    trimmed = post(client, "/byop/email", fields(alices_post.id, addresses(5), keep="3"), headers=HTMX)

    assert 'name="keep" value="3"' in page.get_data(as_text=True)
    said = trimmed.get_data(as_text=True).split("data-say")
    assert len(said) == 2
    assert "La liste garde 3 adresses" in said[1]
    assert deliveries() == []


def test_a_slip_in_a_well_known_domain_is_asked_about(alice_client: FlaskClient, alices_post: Any):
    typed = fields(alices_post.id, f"paul@gmial.com, {addresses(25)}")

    page = post(alice_client, "/byop/email/check", typed, headers=HTMX).get_data(as_text=True)

    assert "Est-ce plutôt paul@gmail.com" in page
    assert page.count("Est-ce plutôt") == 1
    assert verdicts(page)["paul@gmial.com"] == "queued"


def test_the_result_stops_asking_once_all_is_settled(make_app, alice: Any, alices_post: Any):
    app = make_app(SHARE_EMAIL_UNDO_SECONDS="0", ENV="development")
    client = log_in(browser(app), alice.id)

    first = post(client, "/byop/email", fields(alices_post.id, addresses(2)), headers=HTMX).get_data(
        as_text=True
    )
    with app.app_context():
        run_work(app)
    send_id = deliveries()[0].send_id
    later = client.get(f"/byop/email/result?send={send_id}", headers=HTMX).get_data(as_text=True)

    assert 'hx-trigger="every' in first
    assert 'hx-trigger="every' not in later
    assert re.findall(r'data-state="(\w+)"', later) == ["captured"] * 2


def test_addresses_are_judged_as_they_are_typed_and_nothing_is_used(
    alice_client: FlaskClient, alices_post: Any, alice: Any
):
    response = post(
        alice_client, "/byop/email/check", fields(alices_post.id, "carla@example.org, oops"), headers=HTMX
    )
    page = response.get_data(as_text=True)

    assert verdicts(page) == {"carla@example.org": "queued", "oops": "invalid"}
    assert deliveries() == []
    assert left_today(alice.id) == 200


def test_the_preview_is_the_very_mail_in_a_sandbox(alice_client: FlaskClient, alices_post: Any):
    response = alice_client.get(f"/byop/email/preview?id={alices_post.id}")
    page = response.get_data(as_text=True)

    assert response.headers["Content-Security-Policy"] == FRAME_CSP
    body = page.partition("<body")[2]
    assert body.index("Publicité") < body.index("Une heure gagnée par jour")
    assert "Alice Martin" in body


def test_replies_reach_the_partner_only_with_their_agreement(alice_client: FlaskClient, alices_post: Any):
    post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"))
    post(alice_client, "/byop/email", fields(alices_post.id, "dan@example.org", nonce="n2", reply_to="1"))

    kept = {row.recipient: row.context["reply_to"] for row in deliveries()}
    assert kept == {"carla@example.org": "", "dan@example.org": "alice@example.org"}


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("POST", "/byop/email", {"sid": "{id}", "emails": "carla@example.org", "consent": "1", "nonce": "m"}),
        ("POST", "/byop/email/check", {"sid": "{id}", "emails": "carla@example.org"}),
        ("POST", "/byop/email/cancel", {"send": "{send}"}),
        ("GET", "/byop/email?id={id}", {}),
        ("GET", "/byop/email/preview?id={id}", {}),
        ("GET", "/byop/email/result?send={send}", {}),
        ("GET", "/byop/kit?id={id}&send={send}", {}),
    ],
)
def test_mallory_reaches_nothing_of_alices_mails(
    alice_client: FlaskClient,
    mallory_client: FlaskClient,
    alices_post: Any,
    method: str,
    path: str,
    data: Any,
):
    post(alice_client, "/byop/email", fields(alices_post.id, addresses(2)))
    names = {"id": alices_post.id, "send": deliveries()[0].send_id}
    filled = {name: value.format(**names) for name, value in data.items()}

    url = path.format(**names)
    response = mallory_client.get(url) if method == "GET" else post(mallory_client, url, filled)

    assert response.status_code == 404
    assert {row.state for row in deliveries()} == {"queued"}
    assert len(deliveries()) == 2


def test_a_send_is_not_shown_on_another_posts_kit(alice_client: FlaskClient, alice: Any, alices_post: Any):
    other = PostFactory(partner_id=alice.id, title="Un autre").id
    post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"))

    response = alice_client.get(f"/byop/kit?id={other}&send={deliveries()[0].send_id}")

    assert response.status_code == 404


def test_an_archived_post_is_mailed_to_nobody(app: Flask, alice_client: FlaskClient, alices_post: Any):
    post(alice_client, "/byop/email", fields(alices_post.id, "carla@example.org"))
    post(alice_client, "/byop/archive", {"sid": alices_post.id})

    response = post(alice_client, "/byop/email", fields(alices_post.id, "dan@example.org", nonce="n2"))

    assert response.status_code == 410
    assert [row.state for row in deliveries()] == ["cancelled"]


def test_while_mail_is_off_there_is_no_form_and_a_clear_page(make_app, alice: Any, alices_post: Any):
    client = log_in(browser(make_app(SHARE_EMAIL_ENABLED="false")), alice.id)

    kit = client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True)
    response = client.post("/byop/email", data=fields(alices_post.id, "carla@example.org"))

    assert "/byop/email" not in kit
    assert response.status_code == 400
    assert "désactivé" in response.get_data(as_text=True)


def test_too_many_requests_a_minute_are_refused(make_app, alice: Any, alices_post: Any):
    client = log_in(browser(make_app(EMAIL_PER_MINUTE="2")), alice.id)
    for number in range(2):
        post(client, "/byop/email", fields(alices_post.id, "", nonce=str(number)))

    response = post(client, "/byop/email", fields(alices_post.id, "carla@example.org", nonce="3"))

    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) <= 60
    assert deliveries() == []


def test_presses_at_once_never_pass_the_cap(make_app, alice: Any, alices_post: Any):
    app = make_app(SHARE_EMAIL_DAILY_LIMIT="20", EMAIL_PER_MINUTE="1000")
    answers: list[int] = []

    def press(number: int) -> None:
        client = log_in(browser(app), alice.id)
        token = csrf(client)
        data = fields(alices_post.id, addresses(3, f"r{number}x"), nonce=str(number), csrf_token=token)
        answers.append(client.post("/byop/email", data=data).status_code)

    threads = [threading.Thread(target=press, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count(303) == 6
    assert answers.count(429) == 4
    assert len(deliveries()) == 18


@pytest.mark.parametrize("send", ["\0", "x" * 22, "é", "1" * 500])
def test_what_is_no_send_is_missing(alice_client: FlaskClient, alices_post: Any, send: str):
    kit = alice_client.get("/byop/kit", query_string={"id": alices_post.id, "send": send})
    result = alice_client.get("/byop/email/result", query_string={"send": send}, headers=HTMX)
    cancelled = post(alice_client, "/byop/email/cancel", {"send": send})

    assert [kit.status_code, result.status_code, cancelled.status_code] == [404, 404, 404]
