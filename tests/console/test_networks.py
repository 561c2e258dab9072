"""Secrets of networks in the console: two while one is rotated, when each was used; and the board's lines."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from contentflow.conversions import networks
from contentflow.conversions.models import Conversion, Network, PostbackReport
from contentflow.core import clock, signature
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.mailing.models import Delivery, SenderPause
from tests.guards.test_pages import check
from tests.house import browser, look_anew, post

WHY = {"reason": "le prestataire change"}


@pytest.fixture
def report(app: Any) -> Any:
    """Post a sale as the network, signed with a secret; returns the status."""
    sold = iter(range(1_000))

    def send(secret: str) -> int:
        fields = {"transaction": f"T-{next(sold)}", "type": "sale", "amount_cents": 1_000, "currency": "EUR"}
        body = json.dumps(fields).encode()
        signed = signature.sign(secret, int(clock.now().timestamp()), "POST", "/postback/awin", body)
        headers = {signature.HEADER: signed, "Content-Type": "application/json"}
        return browser(app).post("/postback/awin", data=body, headers=headers).status_code

    return send


def known() -> Network:
    look_anew()
    return db.session.scalars(select(Network).execution_options(populate_existing=True)).one()


def rotate(client: Any) -> str:
    answer = post(client, "/console/networks/rotate", {"network": "awin", **WHY})
    found = re.search(r'data-secret="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


def waiting(client: Any) -> dict[str, str]:
    page = client.get("/console/").text
    return dict(re.findall(r'data-job="([a-z_]+)" data-waiting="([0-9]+)"', page))


def test_two_secrets_are_good_and_the_page_says_when_each_was_last_used(olga_client, network, report):
    old = networks.secret_of(network)
    assert report(old) == 200
    new = rotate(olga_client)

    assert (report(old), report(new)) == (200, 200)
    now = known()
    assert now.secret_used_at and now.secret_before_used_at
    page = olga_client.get("/console/networks").text
    check(page)
    assert 'data-state="rotating"' in page and "jamais" not in page and old not in page and new not in page
    assert waiting(olga_client) == {"networks_rotating": "1", "unattributed": "3"}
    assert "awin" in olga_client.get("/console/networks?state=rotating").text


def test_a_use_is_written_every_ten_minutes_at_most(network, report):
    secret = networks.secret_of(network)
    with time_machine.travel(clock.now(), tick=False) as moment:
        report(secret)
        first = known().secret_used_at
        moment.shift(599)
        report(secret)
        assert known().secret_used_at == first
        moment.shift(2)
        report(secret)
        assert known().secret_used_at == clock.now()


def test_the_old_one_ends_by_hand(olga_client, network, report):
    old, new = networks.secret_of(network), rotate(olga_client)

    answer = post(olga_client, "/console/networks/end", {"network": "awin", **WHY})

    assert answer.status_code == 303
    assert (report(old), report(new)) == (401, 200)
    assert post(olga_client, "/console/networks/end", {"network": "awin", **WHY}).status_code == 409
    assert waiting(olga_client) == {"unattributed": "1"}


def test_the_old_one_ends_after_thirty_days_by_itself(olga_client, network, report):
    old, new = networks.secret_of(network), rotate(olga_client)
    ends_at = networks.before_ends_at(known())
    assert ends_at

    with time_machine.travel(ends_at - timedelta(seconds=1), tick=False):
        assert report(old) == 200
    with time_machine.travel(ends_at + timedelta(seconds=1), tick=False) as moment:
        assert (report(old), report(new)) == (401, 200)
        moment.shift(1)
    with time_machine.travel(clock.now() + timedelta(days=31)):
        networks.end_old_secrets()
        networks.end_old_secrets()

    assert known().secret_before is None
    ended = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "network.end_secret")).all()
    assert [one.actor for one in ended] == ["maintenance"]


def forms_of(page: str) -> list[tuple[str, list[str]]]:
    """Return (action, texts of its submits) of each form of a page, in its order."""
    found = re.findall(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', page, re.DOTALL)
    return [
        (action, re.findall(r'<button[^>]*type="submit"[^>]*>(?:<svg.*?</svg>)?<span>([^<]*)', inside))
        for action, inside in found
    ]


def test_enter_in_a_reason_does_what_stands_beside_it_and_the_old_secret_comes_first(olga_client, network):
    rotate(olga_client)

    acts = [one for one in forms_of(olga_client.get("/console/networks").text) if "/networks/" in one[0]]

    assert acts == [
        ("/console/networks/end", ["Arrêter l’ancien"]),
        ("/console/networks/try", ["Un appel à essayer"]),
        ("/console/networks/retire", ["Retirer le réseau"]),
        ("/console/networks/add", ["Ajouter"]),
    ]


def test_a_third_secret_is_asked_about_and_says_what_it_ends(olga_client, network, report):
    old, new = networks.secret_of(network), rotate(olga_client)
    report(old)

    pressed_again = post(olga_client, "/console/networks/rotate", {"network": "awin", **WHY})

    assert pressed_again.status_code == 409 and "data-secret" not in pressed_again.text
    assert (report(old), report(new)) == (200, 200)
    page = olga_client.get("/console/networks?network=awin&ask=third").text
    check(page)
    ends = re.search(r'name="ends" value="([^"]+)"', page)
    asked = re.search(r'href="([^"]*ask=third[^"]*)"', olga_client.get("/console/networks").text)
    assert asked and "#" not in asked[1] and "autofocus" in page  # A fragment would take the focus elsewhere.
    assert ends and "s’arrête tout de suite" in page and "dernière fois : jamais" not in page
    sure = {"network": "awin", "ends": ends[1], **WHY}
    assert "data-secret" in post(olga_client, "/console/networks/rotate", sure).text
    assert (report(old), report(new)) == (401, 200)
    assert post(olga_client, "/console/networks/rotate", sure).status_code == 409  # It named another one.


def test_a_reader_and_a_network_of_one_secret_are_not_asked_about_a_third(olga_client, in_role, network):
    assert 'name="ends"' not in olga_client.get("/console/networks?network=awin&ask=third").text
    rotate(olga_client)

    assert 'name="ends"' not in in_role("reader").get("/console/networks?network=awin&ask=third").text


@pytest.mark.parametrize("act", ["rotate", "end", "retire"])
def test_without_a_reason_nothing_is_done(olga_client, network, act):
    rotate(olga_client)
    before = known().secret

    assert post(olga_client, f"/console/networks/{act}", {"network": "awin"}).status_code == 422
    assert (known().secret, known().retired_at) == (before, None)
    assert known().secret_before is not None


def test_the_reason_stands_in_the_audit_and_no_secret_does(olga_client, network):
    secret = rotate(olga_client)

    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "network.rotate_secret")).one()
    assert entry.reason == WHY["reason"]
    assert secret not in f"{entry.before}{entry.after}{entry.reason}"


def test_a_call_to_try_is_signed_and_makes_one_sale(app, olga_client, network):
    answer = post(olga_client, "/console/networks/try", {"network": "awin"})

    found = re.search(r"<pre[^>]*data-call[^>]*>(.*?)</pre>", answer.text, re.DOTALL)
    assert found
    words = shlex.split(found[1].replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&"))
    headers = dict(word.split(": ", 1) for word in words if ": " in word and not word.startswith("{"))
    done = browser(app).post("/postback/awin", data=words[-1].encode(), headers=headers)
    assert done.status_code == 200
    assert networks.secret_of(known()) not in answer.text
    assert db.session.scalars(select(Conversion)).one().transaction.startswith("TEST-")


def test_the_last_reports_say_why_one_was_refused(olga_client, network):
    with transaction():
        db.session.add(PostbackReport(network_id=network.id, verdict="refused", reason="amount_cents manque"))

    page = olga_client.get("/console/networks?network=awin").text

    check(page)
    assert 'data-verdict="refused"' in page and "amount_cents manque" in page
    assert olga_client.get("/console/networks?network=nowhere").status_code == 200


def test_a_network_that_was_never_silent_for_so_long_stands_on_the_board(olga_client, network):
    with transaction():
        for hours in range(100, 107):
            at = clock.now() - timedelta(hours=hours)
            db.session.add(PostbackReport(network_id=network.id, verdict="recorded", reported_at=at))

    assert waiting(olga_client) == {"networks_silent": "1"}
    assert "awin" in olga_client.get("/console/networks?state=silent").text
    with transaction():
        db.session.add(PostbackReport(network_id=network.id, verdict="recorded"))
    assert waiting(olga_client) == {}
    assert f'data-id="{network.id}"' not in olga_client.get("/console/networks?state=silent").text


def test_one_partners_pause_stands_on_the_board_and_ends_for_a_reason(olga_client, alice):
    with transaction():
        db.session.add(SenderPause(scope=alice.id, sent=100, bounced=9, complained=0, paused_at=clock.now()))
        for state, owner in (("queued", alice.id), ("sent", alice.id), ("queued", None)):
            db.session.add(
                Delivery(
                    kind="share",
                    state=state,
                    recipient_hash="h",
                    partner_id=owner,
                    recipient=f"{state}@a.example",
                )
            )

    assert waiting(olga_client) == {"pauses": "1"}
    page = olga_client.get("/console/mail?state=paused").text
    check(page)
    assert f'data-pause="{alice.id}"' in page and page.count("queued@a.example") == 1
    assert "sent@a.example" not in page
    resume = {"scope": alice.id}
    assert post(olga_client, "/console/mail/resume", resume).status_code == 422
    assert post(olga_client, "/console/mail/resume", {**resume, **WHY}).status_code == 303
    assert post(olga_client, "/console/mail/resume", {**resume, **WHY}).status_code == 409
    assert waiting(olga_client) == {}


def test_who_comes_near_the_limit_of_a_contract_stands_on_the_board(olga_client, alice, bob, click, postback):
    postback("S-1", click_id=click(), amount_cents=300_000)  # 1,200 € or so, of 1,000 € without a contract
    found = waiting(olga_client)
    postback("S-1", type="refund", amount_cents=80_000)
    warned = waiting(olga_client)

    assert "contracts_warned" not in found and "contracts" in found
    assert warned.get("contracts_warned") == "1"
    page = olga_client.get("/console/partners?state=warned").text
    assert alice.id in page and bob.id not in page
