"""The page behind a stop link: what is held, since when, and three choices, none made by looking."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from contentflow.consent import holdings, services
from contentflow.consent.holdings import Holding
from contentflow.consent.models import Suppression
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.mailing.models import CapturedMail, Delivery
from contentflow.mailing.recipients import recipient_hash
from tests.house import browser, run_work
from tests.mailing.letters import let_leave, share

READER = "reader@example.org"


@pytest.fixture
def page(app, alice, alices_post) -> str:
    """The address behind the stop link of a mail that READER got."""
    share(alice.id, alices_post.id, READER)
    let_leave()
    run_work(app)
    html = db.session.execute(select(CapturedMail.html)).scalar_one()
    return re.search(r"/unsubscribe/[^\"]+", html)[0].replace("unsubscribe", "preferences")


def stops() -> list[tuple[str, str]]:
    db.session.rollback()
    return [(one.partner_id, one.cause) for one in db.session.scalars(select(Suppression))]


def addresses() -> list[str | None]:
    db.session.rollback()
    return list(db.session.scalars(select(Delivery.recipient)))


def test_it_shows_what_is_held_and_looking_changes_nothing(app, page, alice):
    for method in ("get", "head", "options"):
        shown = getattr(browser(app), method)(f"{page}?scope=erase")

    shown = browser(app).get(page).get_data(as_text=True)
    assert READER in shown
    assert "1 message dans nos envois" in shown
    assert alice.name in shown
    assert stops() == []
    assert addresses() == [READER]


@pytest.mark.parametrize(("wish", "cause"), [("partner", True), ("all", False), ("erase", False)])
def test_each_wish_stops_what_it_says_at_once(app, page, alice, wish, cause):
    answer = browser(app).post(page, data={"scope": wish})

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert stops() == [(alice.id if cause else "", "unsubscribe")]
    assert addresses() == [None]
    shown = browser(app).get(page).get_data(as_text=True)
    assert READER not in shown
    assert "Trace d’un message, sans votre adresse" in shown


@pytest.mark.parametrize(
    "form", [{}, {"scope": ""}, {"scope": "everything"}, {"List-Unsubscribe": "One-Click"}]
)
def test_without_one_of_the_three_choices_nothing_changes(app, page, form):
    assert browser(app).post(page, data=form).status_code == 422

    assert stops() == []
    assert addresses() == [READER]


def test_who_wants_to_be_forgotten_is_so_in_every_book(app, page):
    forgotten: list[str] = []
    holdings.on_forget(app, forgotten.append)
    held = Holding("Dans le carnet", clock.now(), "Bob")
    holdings.register_holdings(app, lambda recipient: [] if recipient in forgotten else [held])

    assert "Dans le carnet" in browser(app).get(page).get_data(as_text=True)
    assert "Dans le carnet" not in browser(app).post(page, data={"scope": "erase"}).get_data(as_text=True)
    assert forgotten == [recipient_hash(READER)]


def test_stopping_alone_forgets_no_book(app, page):
    forgotten: list[str] = []
    holdings.on_forget(app, forgotten.append)

    browser(app).post(page, data={"scope": "all"})

    assert forgotten == []


def test_a_yes_and_a_stop_have_their_day(app, page):
    browser(app).post(page, data={"scope": "all"})

    shown = browser(app).get(page).get_data(as_text=True)
    assert "Votre « stop »" in shown.replace("\xa0", " ")
    assert f"{clock.now():%Y}" in shown


def test_an_unknown_link_looks_alike_and_does_nothing(app):
    for wish in ("partner", "all", "erase"):
        assert browser(app).post("/preferences/unknown", data={"scope": wish}).status_code == 200
    assert browser(app).get("/preferences/unknown").status_code == 200
    assert browser(app).get(f"/preferences/{'x' * 201}").status_code == 404
    assert stops() == []


def test_the_address_of_the_page_goes_nowhere(app, page):
    answer = browser(app).get(page)

    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_stop_page_leads_there(app, page):
    stop = page.replace("preferences", "unsubscribe")

    for answer in (browser(app).get(stop), browser(app).post(stop)):
        assert f'href="{page}"' in answer.get_data(as_text=True)


def test_a_second_time_changes_nothing(app, page):
    for _ in range(2):
        assert browser(app).post(page, data={"scope": "erase"}).status_code == 200

    assert stops() == [("", "unsubscribe")]
    services.forget("unknown")
