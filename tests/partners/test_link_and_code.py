"""Using the link or the code: once, in time, and by the person who holds it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import Delivery
from contentflow.partners import login_mail, services
from contentflow.partners.errors import LoginEnded
from contentflow.partners.models import LoginRequest, LoginToken, Partner
from contentflow.partners.next_page import local_path
from tests.house import browser, csrf, post
from tests.partners.login_steps import ask, is_logged_in, press, rows, stored, try_code, wrong


@pytest.fixture
def mail(client, alice, mails):
    ask(client, "alice@example.org")
    return mails()[0]


# The link


def test_the_button_logs_in_and_goes_to_the_portal(client, mail):
    response = press(client, mail.path)

    assert (response.status_code, response.headers["Location"]) == (303, "/partner/portal")
    assert is_logged_in(client)


def test_the_link_works_from_any_browser(app, mail):
    phone = browser(app)

    assert press(phone, mail.path).status_code == 303
    assert is_logged_in(phone)


def test_scanners_that_get_and_head_the_link_do_not_use_it_up(app, client, mail):
    scanner = browser(app)
    for _ in range(3):
        assert scanner.get(mail.path).status_code == 200
        assert scanner.head(mail.path).status_code == 200

    assert rows()["partner_sessions"] == 0
    assert press(client, mail.path).status_code == 303


def test_the_page_of_the_link_says_who_logs_in_and_holds_one_button(client, mail):
    page = client.get(mail.path).get_data(as_text=True)

    assert "comme Alice Martin" in page
    assert page.count(f'action="{mail.path}"') == 1 and page.count("<h1") == 1


def test_a_link_works_once(app, client, mail):
    first, second = press(client, mail.path), press(browser(app), mail.path)

    assert (first.status_code, second.status_code) == (303, 410)
    assert "Location" not in second.headers
    assert rows()["partner_sessions"] == 1


def test_of_many_who_use_a_link_at_once_one_gets_in(app: Flask, mail):
    token, outcomes, start = mail.path.rsplit("/", 1)[1], [], threading.Barrier(4)

    def use() -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction():
                    outcomes.append(services.login_with_token(token))
            except LoginEnded:
                outcomes.append(None)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(outcomes) == 4 and len([outcome for outcome in outcomes if outcome]) == 1
    assert rows()["partner_sessions"] == 1


def test_the_code_dies_with_the_link(client, app, mail):
    press(browser(app), mail.path)

    assert try_code(client, mail.code).status_code == 410
    assert not is_logged_in(client)


@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize("kind", ["unknown", "old", "long", "used"])
def test_a_link_that_is_over_answers_410_and_logs_nobody_in(app, client, mail, kind, method):
    path = {"unknown": "/partner/login/" + "x" * 43, "long": "/partner/login/" + "x" * 201}.get(
        kind, mail.path
    )
    if kind == "used":
        press(browser(app), mail.path)
    before, later = rows(), timedelta(minutes=11 if kind == "old" else 0)
    token = csrf(client)

    with time_machine.travel(clock.now() + later):
        response = getattr(client, method)(path, data={"csrf_token": token} if method == "post" else None)

    assert response.status_code == 410
    assert rows() == before and not is_logged_in(client)


def test_a_newer_request_ends_the_older_link(client, mail, mails):
    ask(client, "alice@example.org")
    newer = mails()[1]

    assert press(client, mail.path).status_code == 410
    assert press(client, newer.path).status_code == 303


def test_a_request_for_bob_leaves_alices_link_alone(app, client, mail, bob):
    ask(browser(app), "bob@example.org")

    assert press(client, mail.path).status_code == 303


def test_asking_again_ends_no_session(alice_client, app, alice):
    ask(browser(app), "alice@example.org")

    assert is_logged_in(alice_client)


@pytest.mark.parametrize("again", [0, 1])
def test_a_retried_mail_brings_another_link_and_either_works(client, mail, again):
    (delivery,) = stored(Delivery)
    with transaction():
        second = login_mail.compose_login(delivery)
    paths = [mail.path, second.text.split("https://share.example.org")[1].split()[0]]

    assert press(client, paths[again]).status_code == 303
    assert press(client, paths[1 - again]).status_code == 410


def test_a_retry_after_the_login_brings_no_mail(client, mail):
    press(client, mail.path)
    (delivery,) = stored(Delivery)

    with transaction():
        assert login_mail.compose_login(delivery) is None


def test_a_partner_closed_meanwhile_is_refused_and_the_link_stays_unused(client, alice, mail):
    with transaction():
        db.session.get(Partner, alice.id).is_active = False

    response = press(client, mail.path)

    assert response.status_code == 403
    assert "désactivé" in response.get_data(as_text=True)
    assert stored(LoginRequest.ended_at) == [None]
    assert rows()["partner_sessions"] == 0


def test_the_link_without_csrf_is_refused_and_stays_unused(client, mail):
    assert client.post(mail.path).status_code == 400
    assert press(client, mail.path).status_code == 303


def test_the_link_is_refused_to_another_site(client, mail):
    token = csrf(client)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert client.post(mail.path, data={"csrf_token": token}, headers=headers).status_code == 403


def test_the_origin_null_of_a_page_without_referrer_is_ours_where_the_browser_says_so(client, mail):
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}

    response = client.post(mail.path, data={"csrf_token": csrf(client)}, headers=headers)

    assert response.status_code == 303


def test_the_pages_of_a_link_tell_no_referrer_and_are_kept_nowhere(client, mail):
    for response in (client.get(mail.path), press(client, mail.path), client.get(mail.path)):
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-store"


# The code


def test_the_code_logs_in_the_browser_that_asked(client, mail):
    response = try_code(client, f" {mail.code[:3]} {mail.code[3:]} ")

    assert (response.status_code, response.headers["Location"]) == (303, "/partner/portal")
    assert is_logged_in(client)
    assert press(client, mail.path).status_code == 410


@pytest.mark.parametrize("mark", ["\u200b", "\u200e", "\u202d", "\ufeff", "\u00ad", "\u00a0", "\u202f", " "])
def test_marks_around_and_within_the_code_are_not_seen_by_us_either(client, mail, mark):
    response = try_code(client, f"{mark}{mail.code[:3]}{mark}{mail.code[3:]}{mark}")

    assert response.status_code == 303
    assert is_logged_in(client)


def test_the_code_is_worth_nothing_in_another_browser(app, client, mail):
    mallory_browser = browser(app)
    ask(mallory_browser, "mallory@example.net")

    assert try_code(browser(app), mail.code).status_code == 410
    assert try_code(mallory_browser, mail.code).status_code == 422
    assert rows()["partner_sessions"] == 0


def test_five_wrong_codes_end_code_and_link(client, mail):
    answers = [try_code(client, wrong(mail.code)) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 410]
    assert "Encore 4 essais" in answers[0].get_data(as_text=True)
    assert "Encore 1 essai." in answers[3].get_data(as_text=True)
    assert try_code(client, mail.code).status_code == 410
    assert press(client, mail.path).status_code == 410
    assert rows()["partner_sessions"] == 0


def test_the_right_code_at_the_fifth_try_logs_in(client, mail):
    for _ in range(4):
        try_code(client, wrong(mail.code))

    assert try_code(client, mail.code).status_code == 303


def test_tries_for_an_unknown_address_look_the_same(client):
    ask(client, "nobody@example.org")

    assert [try_code(client, "123456").status_code for _ in range(6)] == [422] * 4 + [410] * 2


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 34"])
def test_what_is_no_code_is_refused_at_the_field_and_uses_no_try(client, mail, typed):
    response = try_code(client, typed)

    assert response.status_code == 422
    assert "six chiffres" in response.get_data(as_text=True)
    assert stored(LoginRequest.code_tries) == [0]


def test_an_old_code_is_refused(client, mail):
    with time_machine.travel(clock.now() + timedelta(minutes=10, seconds=1)):
        assert try_code(client, mail.code).status_code == 410


def test_htmx_follows_a_right_code_and_shows_a_wrong_one_in_place(client, mail):
    headers = {"HX-Request": "true"}

    refused = post(client, "/partner/login/code", {"code": wrong(mail.code)}, headers=headers)
    followed = post(client, "/partner/login/code", {"code": mail.code}, headers=headers)
    over = post(client, "/partner/login/code", {"code": mail.code}, headers=headers)

    assert refused.status_code == 422 and "<html" not in refused.get_data(as_text=True)
    assert followed.headers["HX-Redirect"] == "/partner/portal"
    assert (over.status_code, over.headers["HX-Retarget"]) == (410, "#login")


def test_the_page_comes_back_with_the_codes_field_while_a_code_may_be_on_its_way(client, mail):
    assert 'name="code"' in client.get("/partner/login").get_data(as_text=True)
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        assert 'name="code"' not in client.get("/partner/login").get_data(as_text=True)


def test_opening_the_codes_address_leads_to_the_login(client):
    response = client.get("/partner/login/code")

    assert (response.status_code, response.headers["Location"]) == (303, "/partner/login")


# The operator's link


def test_a_link_of_the_command_line_ends_older_links_and_no_session(app, client, mail, alice_client):
    with transaction():
        token = services.make_login_link("ALICE@example.org")

    assert press(client, mail.path).status_code == 410
    assert is_logged_in(alice_client)
    assert press(browser(app), f"/partner/login/{token}").status_code == 303
    assert None in stored(LoginToken.code_hash)


# Where to


@pytest.mark.parametrize("wanted", ["/byop/new", "/byop/kit?id=abc&x=1", "/byop/kit?id=é", "/"])
def test_a_page_of_ours_may_come_next(wanted):
    assert local_path(wanted) == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        "",
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/\u2028/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/a\r\nSet-Cookie: x=1",
        "/" + "a" * 2001,
    ],
)
def test_another_site_may_not_come_next(wanted):
    assert local_path(wanted) == ""


def test_the_login_leads_on_to_the_page_that_was_wanted(client, alice, mails):
    page = client.get("/partner/login?next=/byop/new").get_data(as_text=True)
    ask(client, "alice@example.org", next="/byop/new")

    response = try_code(client, mails()[0].code)

    assert 'name="next" value="/byop/new"' in page
    assert response.headers["Location"] == "/byop/new"


def test_the_login_never_leads_to_another_site(client, alice, mails):
    page = client.get("/partner/login?next=//evil.example").get_data(as_text=True)
    ask(client, "alice@example.org", next="//evil.example")

    response = press(client, mails()[0].path)

    assert 'value="//evil' not in page
    assert response.headers["Location"] == "/partner/portal"


def test_who_is_logged_in_goes_on_from_the_login_page(alice_client):
    response = alice_client.get("/partner/login?next=/byop/new")

    assert (response.status_code, response.headers["Location"]) == (303, "/byop/new")
