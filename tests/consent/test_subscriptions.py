from __future__ import annotations

import re
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.consent import services as consents
from contentflow.consent.models import MailToken, Subscription, Suppression
from contentflow.core.db import db, transaction
from contentflow.mailing import tasks
from contentflow.mailing.models import CapturedMail, Delivery
from contentflow.mailing.recipients import recipient_hash
from tests.house import browser, run_work
from tests.mailing.letters import delivery_to, let_leave, readers, share, states, verdicts

READER = "reader@example.org"


@pytest.fixture
def links(app, alice, alices_post) -> dict[str, str]:
    """The paths in a mail that READER got."""
    share(alice.id, alices_post.id, READER)
    let_leave()
    run_work(app)
    html = db.session.execute(select(CapturedMail.html)).scalar_one()
    return {path.split("/")[1]: path for path in re.findall(r'href="https://[^/]+(/\w+/[^"]+)"', html)}


def kept() -> tuple[list[tuple[str, str]], int]:
    db.session.rollback()
    stops = [(one.partner_id, one.cause) for one in db.session.scalars(select(Suppression))]
    return stops, len(db.session.scalars(select(Subscription)).all())


NOTHING: tuple[list[tuple[str, str]], int] = ([], 0)


def test_scanners_that_look_at_every_mailed_link_change_nothing(app, links) -> None:
    for path in links.values():
        for method in ("get", "head", "options"):
            for agent in ("", "Mozilla/5.0 (compatible; SafeLinks)"):
                getattr(browser(app), method)(path, headers={"User-Agent": agent})

    assert set(links) == {"l", "p", "subscribe", "unsubscribe"}
    assert kept() == NOTHING


@pytest.mark.parametrize("form", [{"data": {"List-Unsubscribe": "One-Click"}}, {}])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_one_click_stops_everything(app, links, form, content_type) -> None:
    response = browser(app).post(links["unsubscribe"], content_type=content_type, **form)

    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert kept() == ([("", "unsubscribe")], 0)


def test_one_click_works_whoever_sends_it(app, links) -> None:
    response = browser(app).post(
        links["unsubscribe"], headers={"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}
    )

    assert response.status_code == 200
    assert kept()[0] == [("", "unsubscribe")]


def test_one_may_stop_one_partner_only(app, links, alice, bob) -> None:
    response = browser(app).post(links["unsubscribe"], data={"scope": "partner"})

    assert "de cette personne" in response.get_data(as_text=True)
    assert kept()[0] == [(alice.id, "unsubscribe")]
    assert verdicts(alice.id, "another-post", READER) == ["unavailable"]


def test_a_link_works_again_and_says_the_same(app, links) -> None:
    first = browser(app).post(links["unsubscribe"])
    second = browser(app).post(links["unsubscribe"])
    unknown = browser(app).post("/unsubscribe/" + "x" * 43)

    pages = [re.sub(r"[\w-]{43}", "", page.get_data(as_text=True)) for page in (first, second, unknown)]
    assert pages[0] == pages[1] == pages[2]
    assert unknown.status_code == 200


@pytest.mark.parametrize("path", ["/unsubscribe/", "/subscribe/"])
def test_an_unknown_link_gets_the_same_page_and_a_far_too_long_one_none(app, path) -> None:
    client = browser(app)

    assert client.get(path + "x").status_code == client.post(path + "x").status_code == 200
    assert client.get(path + "x" * 200).status_code == 200
    assert client.get(path + "x" * 201).status_code == client.post(path + "x" * 201).status_code == 404
    assert kept() == NOTHING


def test_the_pages_keep_their_address_to_themselves(app, links) -> None:
    for name in ("unsubscribe", "subscribe"):
        for response in (browser(app).get(links[name]), browser(app).post(links[name])):
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["Cache-Control"] == "no-store"
            assert "Set-Cookie" not in response.headers


def test_the_page_names_who_shared(app, links) -> None:
    page = browser(app).get(links["unsubscribe"]).get_data(as_text=True)

    assert "Arrêter seulement cette personne\N{NO-BREAK SPACE}: Alice Martin" in page
    assert page.count("<form") == 1 and page.count("<h1") == 1


def test_a_yes_is_kept_and_brings_more_of_that_partner(app, links, alice) -> None:
    response = browser(app).post(links["subscribe"])

    assert response.status_code == 200
    assert kept() == ([], 1)
    assert verdicts(alice.id, "another-post", READER) == ["queued"]


def test_a_stop_ends_an_earlier_yes(app, links) -> None:
    browser(app).post(links["subscribe"])

    browser(app).post(links["unsubscribe"], data={"scope": "partner"})

    assert kept()[1] == 0


def test_a_yes_lifts_the_readers_own_stop_of_that_partner(app, links, alice) -> None:
    browser(app).post(links["unsubscribe"], data={"scope": "partner"})

    browser(app).post(links["subscribe"])

    assert kept() == ([], 1)


def test_a_yes_does_not_lift_a_stop_of_everything_and_says_so(app, links, alice) -> None:
    browser(app).post(links["unsubscribe"])

    page = browser(app).post(links["subscribe"]).get_data(as_text=True)

    assert "cela reste valable" in page
    assert verdicts(alice.id, "another-post", READER) == ["unavailable"]


def test_a_yes_does_not_lift_what_an_operator_or_a_bounce_stopped(app, links, alice) -> None:
    with transaction():
        consents.suppress(READER, alice.id, "bounce")

    browser(app).post(links["subscribe"])

    assert kept()[0] == [(alice.id, "bounce")]


def test_a_subscribe_link_stops_nothing_and_a_stop_link_subscribes_nobody(app, links) -> None:
    browser(app).post(links["subscribe"].replace("/subscribe/", "/unsubscribe/"))
    browser(app).post(links["unsubscribe"].replace("/unsubscribe/", "/subscribe/"))

    assert kept() == NOTHING


def test_none_of_100_waiting_mails_leaves_for_him_after_the_answer(app: Flask, alice, bob, links) -> None:
    """He said yes to both partners; every one of his waiting mails is stopped by one click."""
    from contentflow.mailing.transports.mailbox import Mailbox

    queue_many(alice.id, 100)
    answered, left, late = Event(), [], []
    leave = Mailbox.send

    def watch(self, message, to, delivery_id):
        if len(left) == 10:
            answered.wait(10)  # A quick machine would have sent them all before the answer.
        left.append(delivery_id)
        if answered.is_set() and to == READER:
            late.append(delivery_id)
        return leave(self, message, to, delivery_id)

    Mailbox.send = watch  # type: ignore[method-assign]
    try:
        worker = Thread(target=send_all, args=(app,))
        worker.start()
        assert browser(app).post(links["unsubscribe"]).status_code == 200
        answered.set()
        worker.join()
        run_work(app)
    finally:
        Mailbox.send = leave  # type: ignore[method-assign]

    assert len(late) <= 1  # the one whose sending was decided before the answer
    assert states().count("cancelled") + states().count("sent") == 101
    assert states().count("cancelled") > 0


def queue_many(partner_id: str, count: int) -> None:
    """Mails to one reader who said yes, as of as many posts."""
    with transaction():
        reader = recipient_hash(READER)
        db.session.add(Subscription(recipient_hash=reader, partner_id=partner_id, delivery_id="x"))
        example = db.session.scalars(select(Delivery)).one()
        db.session.add_all(
            Delivery(
                kind="share",
                recipient=READER,
                recipient_hash=reader,
                partner_id=partner_id,
                context=example.context,
                state="queued",
            )
            for _ in range(count)
        )


def send_all(app: Flask) -> None:
    with app.app_context():
        for delivery_id in db.session.scalars(select(Delivery.id).where(Delivery.state == "queued")).all():
            tasks.send(delivery_id)


def test_tokens_go_with_their_delivery(app, links) -> None:
    with transaction():
        for token in db.session.scalars(select(MailToken)):
            assert token.delivery_id == delivery_to_id()


def delivery_to_id() -> str:
    return db.session.execute(select(Delivery.id).where(Delivery.recipient == READER)).scalar_one()


def test_a_stop_cancels_what_waits_and_frees_nobody_elses(app, alice, alices_post, links) -> None:
    share(alice.id, alices_post.id, readers(2))

    browser(app).post(links["unsubscribe"])

    assert delivery_to("reader0@example.org").state == "queued"
