"""Asking for a login mail: one answer for everybody, and what it writes."""

from __future__ import annotations

import logging
import re

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.core.db import db, transaction
from contentflow.mailing.models import Delivery
from contentflow.partners.models import LoginRequest, LoginToken, Partner
from tests.house import browser, post
from tests.partners.login_steps import ask, rows, stored


def body(response) -> str:
    """The page without what differs from one browser to the next."""
    text = re.sub(r'(csrf_token" value|X-CSRFToken": )[^>]+', "", response.get_data(as_text=True))
    return text.replace("alice@example.org", "WHO").replace("nobody@example.org", "WHO")


def test_a_partner_gets_one_mail_with_a_link_and_a_code(client, alice, mails):
    response = ask(client, "alice@example.org")

    assert response.status_code == 200
    (mail,) = mails()
    assert mail.to == "alice@example.org"
    assert mail.path in mail.html and mail.code in mail.html
    assert "Bonjour Alice Martin" in mail.text and "https://share.example.org/partner/login/" in mail.text


def test_the_notice_has_the_field_of_the_code(client, alice):
    page = ask(client, "alice@example.org").get_data(as_text=True)

    field = re.search(r"<input[^>]*name=\"code\"[^>]*>", page)
    assert field and 'autocomplete="one-time-code"' in field[0] and 'inputmode="numeric"' in field[0]


def test_an_unknown_address_gets_the_same_answer_and_no_mail(app, client, alice, mails):
    known = ask(client, "alice@example.org")
    unknown = ask(browser(app), "nobody@example.org")

    assert (known.status_code, body(known)) == (unknown.status_code, body(unknown))
    assert [mail.to for mail in mails()] == ["alice@example.org"]


def test_known_and_unknown_addresses_write_the_same_rows_in_the_request(app, client, alice):
    written = []
    for email in ("alice@example.org", "nobody@example.org"):
        before = rows(), len(stored(Delivery))
        ask(browser(app), email)
        after = rows(), len(stored(Delivery))
        written.append(({k: after[0][k] - before[0][k] for k in after[0]}, after[1] - before[1]))

    assert written[0] == written[1]
    assert written[0] == ({"login_requests": 1, "login_tokens": 0, "partner_sessions": 0}, 1)


def test_a_closed_account_gets_the_same_answer_and_no_mail(client, alice, mails):
    with transaction():
        db.session.get(Partner, alice.id).is_active = False

    assert ask(client, "alice@example.org").status_code == 200
    assert mails() == []


def test_the_address_is_known_in_any_case_and_between_blanks(client, alice, mails):
    ask(client, "  Alice@EXAMPLE.org ")

    assert [mail.to for mail in mails()] == ["alice@example.org"]


@pytest.mark.parametrize(
    "typed",
    ["\u202aalice@example.org\u202c", "alice\u200b@exam\u00adple.org", "\u00a0alice@example.org\ufeff"],
)
def test_marks_nobody_sees_do_not_keep_a_partner_out(client, alice, mails, typed):
    ask(client, typed)

    assert [mail.to for mail in mails()] == ["alice@example.org"]


def test_no_browser_refuses_what_we_would_understand(client, alice):
    """A browser's own check of an e-mail field stops at marks that nobody sees."""
    pages = client.get("/partner/login"), ask(client, "alice@example.org")

    assert all("novalidate" in page.get_data(as_text=True) for page in pages)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "complète"),
        ("\u200b\u00a0", "complète"),
        ("alice", "Il manque le @"),
        ("alice@", "domaine"),
        ("alice@example", "domaine"),
        ("a@b@example.org", "Une seule adresse"),
        ("é@example.org", "complète"),
        ("alice@example.org\x00", "domaine"),
        (f"{'a' * 300}@example.org", "trop longue"),
    ],
)
def test_what_is_no_address_is_refused_at_the_field_and_nothing_is_written(client, typed, sentence):
    response = ask(client, typed)

    page = response.get_data(as_text=True)
    assert response.status_code == 422
    assert sentence in page and 'aria-invalid="true"' in page
    assert rows()["login_requests"] == 0


def test_a_refused_address_stays_in_the_field_and_is_escaped(client):
    page = ask(client, '"><script>alert(1)</script>').get_data(as_text=True)

    assert 'value="&#34;&gt;&lt;script&gt;' in page
    assert "<script>alert" not in page


def test_without_csrf_nothing_is_asked(client, alice):
    response = client.post("/partner/login", data={"email": "alice@example.org"})

    assert response.status_code == 400
    assert rows()["login_requests"] == 0


def test_htmx_gets_the_notice_as_a_fragment(client, alice):
    response = post(client, "/partner/login", {"email": "alice@example.org"}, headers={"HX-Request": "true"})

    page = response.get_data(as_text=True).strip()
    assert response.status_code == 200
    assert 'id="login"' in page and "<html" not in page


def test_the_mail_is_english_for_who_reads_english(client, alice):
    client.get("/partner/login")
    post(client, "/language", {"lang": "en"})
    ask(client, "alice@example.org")

    assert stored(Delivery.language)[0] == "en"


def test_only_hashes_of_link_code_and_browser_are_kept(client, alice, mails):
    ask(client, "alice@example.org")
    (mail,) = mails()

    kept = db.session.execute(
        select(LoginToken.token_hash, LoginToken.code_hash, LoginRequest.browser_hash).join(
            LoginRequest, LoginRequest.id == LoginToken.request_id
        )
    ).one()
    with client.session_transaction(base_url="https://share.example.org") as session:
        browser_token = session["login"]["browser"]
    token = mail.path.rsplit("/", 1)[1]
    assert all(len(value) == 64 for value in kept)
    assert not {token, mail.code, browser_token} & set(kept)
    assert "request_id" in stored(Delivery.context)[0]


def test_the_log_holds_no_address_token_or_code(client, alice, mails, caplog):
    with caplog.at_level(logging.DEBUG):
        ask(client, "alice@example.org")
        ask(client, "no address")
        (mail,) = mails()
        client.get(mail.path)
        client.post(mail.path)

    assert not re.search(r"alice|example\.org", caplog.text)
    assert mail.code not in caplog.text and mail.path.rsplit("/", 1)[1] not in caplog.text


# Limits


def test_the_sixth_mail_of_an_hour_to_an_address_is_not_sent_and_the_answer_does_not_tell(
    app, client, alice, mails
):
    answers = [ask(browser(app), "alice@example.org") for _ in range(6)]

    assert {answer.status_code for answer in answers} == {200}
    assert len({body(answer) for answer in answers}) == 1
    assert rows()["login_requests"] == 5


def test_tags_and_case_do_not_open_the_limit_of_an_address(app, alice):
    for email in ("alice@example.org", "Alice@example.org", "alice+a@example.org", "ALICE+b@Example.org"):
        ask(browser(app), email)
    for tag in range(3):
        ask(browser(app), f"alice+{tag}@example.org")

    assert rows()["login_requests"] == 5


def test_over_the_limit_the_last_code_still_works(app, client, alice, mails):
    for _ in range(6):
        ask(client, "alice@example.org")

    response = post(client, "/partner/login/code", {"code": mails()[-1].code})

    assert response.status_code == 303


def test_the_21st_ask_of_an_hour_from_one_ip_is_429_and_nothing_is_written(app, client):
    for number in range(20):
        assert ask(client, f"someone{number}@example.org").status_code == 200

    response = ask(client, "alice@example.org")

    assert response.status_code == 429
    assert 3500 < int(response.headers["Retry-After"]) <= 3600
    assert rows()["login_requests"] == 20


def test_another_ip_is_not_limited_and_a_forwarded_one_is_not_believed(app, client):
    for number in range(20):
        ask(client, f"someone{number}@example.org")
    form = {"email": "someone@example.org"}

    pretended = post(client, "/partner/login", form, headers={"X-Forwarded-For": "203.0.113.9"})
    elsewhere = post(client, "/partner/login", form, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})

    assert (pretended.status_code, elsewhere.status_code) == (429, 200)


def test_all_addresses_of_one_ipv6_network_are_one_ip(app, client):
    for number in range(20):
        environ = {"REMOTE_ADDR": f"2001:db8:1:2::{number:x}"}
        post(client, "/partner/login", {"email": f"s{number}@example.org"}, environ_overrides=environ)

    def from_ip(ip: str) -> int:
        form = {"email": "someone@example.org"}
        return post(client, "/partner/login", form, environ_overrides={"REMOTE_ADDR": ip}).status_code

    assert from_ip("2001:db8:1:2:ffff::1") == 429
    assert from_ip("2001:db8:1:3::1") == 200
    assert from_ip("::ffff:192.0.2.1") == 200


def test_no_ip_is_kept(app: Flask, client, alice):
    from contentflow.web.limits import LimitEntry

    ask(client, "alice@example.org")

    names = stored(LimitEntry.name)
    assert names and not any("127.0.0.1" in name or "alice" in name for name in names)
