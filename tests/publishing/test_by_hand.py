"""By hand: all that a platform needs on one page, a mail at its time, and the partner's word."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.byop import services as byop
from contentflow.byop.words import Words
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import CapturedMail
from contentflow.pipeline import review
from contentflow.publishing.models import Assignment
from contentflow.publishing.platforms import PLATFORMS
from contentflow.sharekit.models import ShareLog
from tests.factories.renders import RENDER, give_clip
from tests.house import post, run_work
from tests.publishing.conftest import confirm, form_of


def only() -> Assignment:
    db.session.rollback()
    return db.session.scalars(select(Assignment)).one()


def mails() -> list[CapturedMail]:
    db.session.rollback()
    return list(db.session.scalars(select(CapturedMail)))


def later(days: float = 1.0) -> str:
    paris = clock.in_france(clock.now() + timedelta(days=days))
    return paris.strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_platform_hands_over_video_text_app_and_label_on_one_page(
    alice_client: FlaskClient, clip_post: Any, platform: str
) -> None:
    answer = confirm(alice_client, clip_post.id, platform=platform)

    assert answer.status_code == 303
    page = alice_client.get(answer.headers["Location"]).get_data(as_text=True)
    assert only().state == "needs_hand"
    for step in ("save", "copy", "open", "label"):
        assert f'data-step="{step}"' in page
    assert page.count('class="card hand-step"') <= 5
    assert "Publicité" in page and "#ad" in page
    assert f"/byop/clip?id={clip_post.id}&amp;download=1" in page


def test_a_text_of_tiktok_has_no_link_and_the_page_says_where_it_goes(
    alice_client: FlaskClient, clip_post: Any
) -> None:
    confirm(alice_client, clip_post.id, platform="tiktok")

    assert "http" not in only().text
    page = alice_client.get(f"/byop/publish/hand?assignment={only().id}").get_data(as_text=True)
    assert 'data-step="link"' in page


def test_done_and_where_declares_it_and_counts_one_share_of_its_channel(
    alice_client: FlaskClient, clip_post: Any
) -> None:
    confirm(alice_client, clip_post.id, platform="instagram")
    url = "https://www.instagram.com/reel/abc/"

    fields = {"assignment": only().id, "there": "yes", "url": url}
    first, again = (post(alice_client, "/byop/publish/answer", fields) for _ in range(2))

    assert (first.status_code, again.status_code) == (303, 409)
    assert (only().state, only().remote_url) == ("declared", url)
    assert [log.channel for log in db.session.scalars(select(ShareLog))] == ["instagram"]


@pytest.mark.parametrize(
    "url",
    [
        "http://www.instagram.com/reel/a", "javascript:alert(1)", "https://evil.example/instagram.com",
        "https://instagram.com@evil.example/", "https://instagram.com.evil.example/", "https://[::1/", "x",
        "https://www.instagram.com:8443/reel/a", "https://www.instagram.com/" + "a" * 2_048,
    ],
)  # fmt: skip
def test_an_address_that_is_not_the_platforms_is_refused_and_stays_typed(
    alice_client: FlaskClient, clip_post: Any, url: str
) -> None:
    confirm(alice_client, clip_post.id, platform="instagram")

    answer = post(alice_client, "/byop/publish/answer", {"assignment": only().id, "there": "yes", "url": url})

    assert answer.status_code == 422
    assert only().state == "needs_hand"


def test_a_hand_over_of_later_becomes_the_partners_turn_with_a_mail_at_its_time(
    app: Flask, alice_client: FlaskClient, clip_post: Any
) -> None:
    at = later()
    confirm(alice_client, clip_post.id, platform="instagram", when="later", at=at)
    run_work(app)
    assert (only().state, mails()) == ("scheduled", [])
    assert clock.in_france(only().publish_at).strftime("%Y-%m-%dT%H:%M") == at

    with time_machine.travel(only().publish_at + timedelta(seconds=1), tick=True):
        run_work(app)
        run_work(app)

    assert only().state == "needs_hand"
    (mail,) = mails()
    assert mail.recipient == "alice@example.org"
    assert f"/byop/publish/hand?assignment={only().id}" in mail.text
    assert "Instagram" in mail.subject


def test_a_mail_that_nobody_needs_any_more_does_not_leave(
    app: Flask, alice_client: FlaskClient, clip_post: Any
) -> None:
    from contentflow.publishing import outgoing

    confirm(alice_client, clip_post.id, platform="instagram", when="later", at=later())
    with time_machine.travel(clock.now() + timedelta(days=1, minutes=1), tick=True):
        with transaction():
            assert outgoing.claim(only().id) is None
        post(alice_client, "/byop/publish/cancel", {"assignment": only().id})
        run_work(app)

    assert (only().state, mails()) == ("cancelled", [])


def test_a_server_that_was_off_for_a_day_lets_nothing_burst_out(
    app: Flask, alice_client: FlaskClient, clip_post: Any
) -> None:
    confirm(alice_client, clip_post.id, platform=["x", "instagram"], when="later", at=later(0.1))

    with time_machine.travel(clock.now() + timedelta(days=1, hours=3), tick=True):
        run_work(app)

    db.session.rollback()
    rows = db.session.scalars(select(Assignment)).all()
    assert {(one.state, one.reason) for one in rows} == {("needs_hand", "late")}


def test_words_that_are_mended_take_it_back_to_draft_and_say_so(
    app: Flask, alice_client: FlaskClient, clip_post: Any
) -> None:
    confirm(alice_client, clip_post.id, platform="instagram", when="later", at=later())

    with transaction():
        byop.edit_words(clip_post.partner_id, clip_post.id, Words(title="Autre chose"))
    run_work(app)

    assert (only().state, only().reason) == ("draft", "changed")
    assert [mail.subject for mail in mails()] == ["Regarde à nouveau ton post pour Instagram"]


def test_a_clip_made_anew_takes_it_back_to_draft(alice_client: FlaskClient, clip_post: Any) -> None:
    confirm(alice_client, clip_post.id, platform="instagram", when="later", at=later())

    give_clip(clip_post, render="S" * 22)
    with transaction():
        review.withdraw(clip_post.asset_id)
        from contentflow.byop.hooks import tell_post_changed

        tell_post_changed(clip_post.id)

    assert only().state == "draft"


def test_a_draft_is_confirmed_again_as_the_same_row(alice_client: FlaskClient, clip_post: Any) -> None:
    confirm(alice_client, clip_post.id, platform="instagram", when="later", at=later())
    with transaction():
        byop.edit_words(clip_post.partner_id, clip_post.id, Words(title="Autre chose"))

    answer = confirm(alice_client, clip_post.id, platform="instagram")

    assert answer.status_code == 303
    assert (only().state, "Autre chose" in only().text) == ("needs_hand", True)


def test_an_archived_post_cancels_what_waits(alice_client: FlaskClient, clip_post: Any) -> None:
    confirm(alice_client, clip_post.id, platform=["instagram"], when="later", at=later())

    post(alice_client, "/byop/archive", {"sid": clip_post.id})

    assert (only().state, only().reason) == ("cancelled", "archived")


def test_the_same_nonce_makes_it_once(alice_client: FlaskClient, clip_post: Any) -> None:
    fields = {**form_of(alice_client, clip_post.id), "platform": "x", "when": "now"}

    answers = [post(alice_client, "/byop/publish", fields).status_code for _ in range(3)]

    assert answers == [303] * 3
    assert only().platform == "x"


def test_a_second_tab_meets_that_it_is_there_already(alice_client: FlaskClient, clip_post: Any) -> None:
    first, second = (form_of(alice_client, clip_post.id) for _ in range(2))

    post(alice_client, "/byop/publish", {**first, "platform": "x", "when": "now"})
    answer = post(alice_client, "/byop/publish", {**second, "platform": "x", "when": "now"})

    assert answer.status_code == 409
    assert only().platform == "x"


def test_what_was_not_seen_is_not_confirmed(alice_client: FlaskClient, clip_post: Any) -> None:
    fields = form_of(alice_client, clip_post.id)
    with transaction():
        byop.edit_words(clip_post.partner_id, clip_post.id, Words(title="Autre chose"))

    answer = post(alice_client, "/byop/publish", {**fields, "platform": "x", "when": "now"})

    assert answer.status_code == 409
    assert "Autre chose" in answer.get_data(as_text=True)
    assert db.session.scalars(select(Assignment)).all() == []


def test_a_clip_that_is_not_approved_goes_nowhere(alice_client: FlaskClient, alices_post: Any) -> None:
    give_clip(alices_post, approved=False)

    answer = confirm(alice_client, alices_post.id, platform="x")

    assert answer.status_code == 409
    assert db.session.scalars(select(Assignment)).all() == []


def test_another_render_than_the_one_shown_goes_nowhere(alice_client: FlaskClient, clip_post: Any) -> None:
    answer = confirm(alice_client, clip_post.id, platform="x", render="T" * 22)

    assert answer.status_code == 409


def test_words_alone_go_where_words_may(alice_client: FlaskClient, alices_post: Any) -> None:
    assert confirm(alice_client, alices_post.id, platform="x").status_code == 303
    assert confirm(alice_client, alices_post.id, platform="instagram").status_code == 422
    assert only().what == "words"


def skipped_hour() -> str:
    """Half past two of the next night in which the clocks of Paris go forward."""
    today = clock.today()
    year = today.year + (today >= last_sunday_of_march(today.year))
    return f"{last_sunday_of_march(year)}T02:30"


def last_sunday_of_march(year: int) -> date:
    last = date(year, 3, 31)
    return last - timedelta(days=last.isoweekday() % 7)


@pytest.mark.parametrize(
    "fields",
    [
        {"when": "later", "at": "2020-01-01T10:00"},
        {"when": "later", "at": ""},
        {"when": "later", "at": "demain"},
        {"when": "later", "at": "9999-12-31T23:59"},
        {"when": "later", "at": later(400)},
        {"when": "later", "at": skipped_hour()},
        {"when": "later", "at": later(9), "zone": "Mars/Olympus"},
        {"when": "later", "at": later(9), "zone": "../../etc/passwd"},
        {"platform": "myspace"},
    ],
)
def test_a_time_or_place_that_is_none_is_refused_with_what_was_typed(
    alice_client: FlaskClient, clip_post: Any, fields: dict[str, str]
) -> None:
    answer = confirm(alice_client, clip_post.id, **{"platform": "x", **fields})

    assert answer.status_code == 422
    assert db.session.scalars(select(Assignment)).all() == []


def test_nothing_chosen_is_said(alice_client: FlaskClient, clip_post: Any) -> None:
    assert confirm(alice_client, clip_post.id).status_code == 422


def test_it_is_moved_and_taken_back_while_it_waits(alice_client: FlaskClient, clip_post: Any) -> None:
    confirm(alice_client, clip_post.id, platform="x", when="later", at=later(1))

    moved = {"assignment": only().id, "at": later(3), "zone": "Pacific/Auckland"}
    assert post(alice_client, "/byop/publish/move", moved).status_code == 303
    assert only().zone == "Pacific/Auckland"
    assert only().publish_at - clock.now() > timedelta(days=2)
    for _ in range(2):
        assert post(alice_client, "/byop/publish/cancel", {"assignment": only().id}).status_code == 303
    assert only().state == "cancelled"
    assert post(alice_client, "/byop/publish/move", moved).status_code == 409


@pytest.mark.parametrize("act", ["move", "cancel", "delete", "answer"])
def test_mallory_meets_alices_publication_as_missing(
    alice_client: FlaskClient, mallory_client: FlaskClient, clip_post: Any, act: str
) -> None:
    confirm(alice_client, clip_post.id, platform="x")

    fields = {"assignment": only().id, "there": "yes", "at": later()}

    assert post(mallory_client, f"/byop/publish/{act}", fields).status_code == 404
    assert mallory_client.get(f"/byop/publish/hand?assignment={only().id}").status_code == 404
    assert only().state == "needs_hand"


def test_switched_off_it_is_a_page_that_says_so_and_what_is_planned_waits(
    make_app: Any, clip_post: Any
) -> None:
    from tests.house import browser, log_in

    app = make_app(PUBLISHING_ENABLED="false")
    with app.app_context():
        client = log_in(browser(app), clip_post.partner_id)
        for path in ("/byop/publish", "/byop/publish/hand"):
            assert client.get(f"{path}?id={clip_post.id}").status_code == 404
        assert "désactivée" in client.get("/byop/publish").get_data(as_text=True)


def test_a_restored_programme_sends_no_hand_over_until_it_is_live(
    app: Flask, alice_client: FlaskClient, clip_post: Any
) -> None:
    from contentflow.core import quarantine

    confirm(alice_client, clip_post.id, platform="instagram", when="later", at=later(0.1))
    with transaction():
        for statement in quarantine.begin(clock.now(), clock.now()):
            db.session.execute(statement)
    with time_machine.travel(clock.now() + timedelta(hours=3), tick=True):
        run_work(app)

    assert only().state == "scheduled"


def test_the_export_holds_it_and_an_erasure_takes_its_words(
    app: Flask, alice_client: FlaskClient, clip_post: Any
) -> None:
    confirm(alice_client, clip_post.id, platform="instagram", when="later", at=later())
    exported = alice_client.get("/partner/export.json").get_json()
    assert [(one["platform"], one["state"]) for one in exported["assignments"]] == [
        ("instagram", "scheduled")
    ]
    assert exported["accounts"] == []

    post(alice_client, "/partner/erase", {"confirm": "ERASE"})

    assert (only().state, only().text) == ("cancelled", "")


def test_the_render_that_was_confirmed_is_the_one_that_is_kept(
    alice_client: FlaskClient, clip_post: Any
) -> None:
    confirm(alice_client, clip_post.id, platform="instagram", when="later", at=later())

    assert (only().render_id, only().what) == (RENDER, "clip")
