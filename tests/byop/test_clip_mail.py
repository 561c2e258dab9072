"""A mail tells who left that a long render is done; one click ends such mails, with no login."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import CapturedMail, Delivery
from contentflow.partners.models import Partner
from contentflow.pipeline import rendering
from contentflow.pipeline.models import Asset
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.portal import services as portal
from contentflow.sharekit import quota
from tests.house import browser, log_in, post, run_work

HTMX = {"HX-Request": "true"}

pytestmark = pytest.mark.usefixtures("offer", "quick")


@pytest.fixture
def now(app: Flask) -> Iterator[Any]:
    with time_machine.travel(clock.now(), tick=False) as travel:
        yield travel


@pytest.fixture
def sid(now: Any, alice_client: FlaskClient) -> str:
    data = {"video": (io.BytesIO(b"a film"), "film.mp4"), "title": "Une heure"}
    answer = post(alice_client, "/byop/submit", data, content_type="multipart/form-data")
    return str(answer.headers["Location"]).rpartition("=")[2]


def mails() -> list[CapturedMail]:
    db.session.rollback()
    return list(db.session.scalars(select(CapturedMail).order_by(CapturedMail.created_at)))


def finish(app: Flask, now: Any, minutes: float = 3.0) -> None:
    now.shift(timedelta(minutes=minutes))
    run_work(app)


def stop_url(mail: CapturedMail) -> str:
    return re.search(r"<https://share.example.org(/clip-mails/[^>]+)>", mail.headers["List-Unsubscribe"])[1]  # type: ignore[index]


def test_who_left_gets_a_mail_that_leads_to_the_clip(app: Flask, now: Any, alice: Partner, sid: str):
    finish(app, now)

    [mail] = mails()
    assert (mail.recipient, mail.subject) == (alice.email, "Ton clip est prêt : regarde-le et valide-le")
    assert f"https://share.example.org/byop/kit?id={sid}" in mail.text
    assert f"https://share.example.org/byop/kit?id={sid}" in mail.html
    assert stop_url(mail) in mail.text and stop_url(mail) in mail.html
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert quota.daily_email_count(alice.id) == 0


def test_it_goes_before_all_share_mail(app: Flask, now: Any, alice: Partner, sid: str):
    from contentflow.mailing import tasks

    with transaction():
        db.session.add_all(
            Delivery(
                kind="share",
                recipient=f"r{number}@example.net",
                recipient_hash=str(number),
                partner_id=alice.id,
                state="queued",
                next_attempt_at=clock.now() - timedelta(days=1),
            )
            for number in range(3)
        )
    finish(app, now)

    urgent = db.session.scalars(select(Delivery.id).where(tasks.URGENT)).all()
    clip = db.session.scalars(select(Delivery).where(Delivery.kind == "clip")).one()
    assert clip.id in urgent


def test_a_quick_render_is_not_worth_a_mail(app: Flask, now: Any, sid: str):
    finish(app, now, minutes=1.9)

    assert mails() == []


def test_who_looks_on_gets_none(app: Flask, now: Any, alice_client: FlaskClient, sid: str):
    now.shift(timedelta(minutes=3))
    alice_client.get(f"/byop/status?id={sid}&was=busy", headers=HTMX)
    now.shift(timedelta(seconds=29))
    run_work(app)

    assert mails() == []


def test_who_closed_the_page_half_a_minute_ago_gets_one(
    app: Flask, now: Any, alice_client: FlaskClient, sid: str
):
    now.shift(timedelta(minutes=3))
    alice_client.get(f"/byop/status?id={sid}&was=busy", headers=HTMX)
    now.shift(timedelta(seconds=31))
    run_work(app)

    assert len(mails()) == 1


def test_looking_is_written_down_now_and_then_only(now: Any, alice_client: FlaskClient, sid: str):
    def look() -> Any:
        alice_client.get(f"/byop/status?id={sid}", headers=HTMX)
        db.session.rollback()
        return db.session.scalars(select(Asset.looked_at)).one()

    first = look()
    now.shift(timedelta(seconds=5))
    assert look() == first
    now.shift(timedelta(seconds=6))
    assert look() > first


def test_a_render_that_failed_is_told_with_what_to_do(
    app: Flask, now: Any, sid: str, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: Any) -> Any:
        raise UnprocessableMedia(Failure.PROTECTED)

    monkeypatch.setattr(rendering, "make_clip", broken)
    finish(app, now)

    [mail] = mails()
    assert mail.subject == "Ta vidéo n’a pas pu être préparée"
    assert "protégée contre la copie" in mail.text and "protégée contre la copie" in mail.html


def test_the_mail_speaks_the_language_in_which_the_clip_was_asked_for(
    app: Flask, now: Any, alice_client: FlaskClient
):
    data = {"video": (io.BytesIO(b"a film"), "film.mp4")}
    english = {"Accept-Language": "en"}
    post(alice_client, "/byop/submit", data, content_type="multipart/form-data", headers=english)
    finish(app, now)

    assert mails()[0].subject == "Your clip is ready: watch and approve it"


def test_a_clip_that_was_approved_meanwhile_is_no_news(
    app: Flask, now: Any, alice_client: FlaskClient, sid: str
):
    from contentflow.pipeline import tasks

    now.shift(timedelta(minutes=3))
    tasks.render("next")
    post(alice_client, "/byop/approve", {"sid": sid})
    run_work(app)

    assert mails() == []
    assert db.session.scalars(select(Delivery.state)).all() == ["cancelled"]


@pytest.mark.parametrize("path", ["archive", "retry"])
def test_what_is_no_longer_true_when_it_leaves_does_not_leave(
    path: str, app: Flask, now: Any, alice_client: FlaskClient, sid: str
):
    from contentflow.pipeline import tasks

    now.shift(timedelta(minutes=3))
    tasks.render("next")
    post(alice_client, f"/byop/{path}", {"sid": sid, "framing": "crop"})
    now.shift(timedelta(seconds=5))
    run_work(app)

    assert mails() == []


def test_one_click_ends_such_mails_and_another_brings_them_back(
    app: Flask, now: Any, alice: Partner, alice_client: FlaskClient, sid: str
):
    finish(app, now)
    url, stranger = stop_url(mails()[0]), browser(app)

    def wants() -> bool:
        db.session.rollback()
        return db.session.get_one(Partner, alice.id).wants_clip_mails

    assert stranger.get(url).status_code == 200
    assert wants()
    answer = stranger.post(url, data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, wants()) == (200, False)
    assert "Set-Cookie" not in answer.headers and answer.headers["Referrer-Policy"] == "no-referrer"

    post(alice_client, "/byop/retry", {"sid": sid, "framing": "crop"})
    finish(app, now)
    assert len(mails()) == 1

    assert "Me prévenir" not in alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)
    assert stranger.post(url, data={"again": "1"}).status_code == 200
    assert wants()


def test_the_kit_brings_them_back_too(now: Any, alice: Partner, alice_client: FlaskClient, sid: str):
    with transaction():
        db.session.get_one(Partner, alice.id).wants_clip_mails = False
    assert "Me prévenir" in alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)

    assert post(alice_client, "/byop/want-mail", {"sid": sid}).status_code == 303

    db.session.rollback()
    assert db.session.get_one(Partner, alice.id).wants_clip_mails


def test_an_unknown_link_is_answered_like_a_known_one(client: FlaskClient, alice: Partner):
    assert client.post("/clip-mails/unknown").status_code == 200
    assert client.post(f"/clip-mails/{'x' * 201}").status_code == 404
    assert client.get(f"/clip-mails/{'x' * 201}").status_code == 404


def test_the_token_of_one_kind_of_mail_ends_no_other(app: Flask, now: Any, client: FlaskClient, sid: str):
    finish(app, now)
    token = stop_url(mails()[0]).rpartition("/")[2]

    client.post(f"/unsubscribe/{token}")

    assert db.session.scalars(select(Partner.wants_clip_mails)).all() == [True]


def test_an_erased_partner_gets_no_mail(app: Flask, now: Any, alice: Partner, sid: str):
    now.shift(timedelta(minutes=3))
    with transaction():
        portal.erase(alice.id, "ERASE")
    run_work(app)

    assert mails() == []
    assert db.session.scalars(select(Delivery.recipient).where(Delivery.kind == "clip")).all() == []


def test_a_post_of_words_is_no_clip(app: Flask, now: Any, alices_post: Submission):
    finish(app, now)

    assert byop.list_submissions(alices_post.partner_id)[0].status == "ready"
    assert mails() == []


def test_where_no_mail_leaves_none_is_promised_and_none_waits(make_app, now: Any, alice: Partner) -> None:
    silent = make_app(MAIL_TRANSPORT="none")
    client = log_in(browser(silent), alice.id)
    data = {"video": (io.BytesIO(b"a film"), "film.mp4"), "title": "Une heure"}
    answer = post(client, "/byop/submit", data, content_type="multipart/form-data")
    status = client.get(f"/byop/status?id={str(answer.headers['Location']).rpartition('=')[2]}")

    with silent.app_context():
        finish(silent, now)

    assert "e-mail" not in status.get_data(as_text=True)
    assert db.session.scalars(select(Delivery)).all() == []
