"""The cap over four web processes: forty presses at once of ten fresh addresses each, cap 200."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from contentflow import config, create_app
from contentflow.byop import services as byop
from contentflow.byop.services import Draft
from contentflow.core.db import db, dispose, transaction
from contentflow.mailing.models import Delivery
from contentflow.offers import services as offers
from contentflow.partners import services as partners
from contentflow.sharekit.quota import daily_email_count
from tests.house import cookie_and_token
from tests.live import Live, serving

PRESSES, RECIPIENTS, CAP = 40, 10, 200


@pytest.fixture
def live(tmp_path: Path, database_url: str) -> Iterator[Live]:
    settings = {"SHARE_EMAIL_DAILY_LIMIT": str(CAP), "SHARE_EMAIL_UNDO_SECONDS": "3600", "HUEY_URL": ""}
    with serving(tmp_path, "--workers", "4", DATABASE_URL=database_url, **settings) as live:
        yield live


@pytest.mark.proof
def test_forty_presses_at_once_make_exactly_two_hundred_deliveries(live: Live) -> None:
    app = create_app(config.load(live.environment()))
    with app.app_context():
        with transaction():
            partner_id = partners.add_partner("alice@example.org", "Alice").id
            offers.add_offer("Nova", "https://nova.example.com/?c={click_id}")
        with transaction():
            post_id = byop.submit_post(partner_id, Draft(title="Un post", nonce="first")).id
        cookie, token = cookie_and_token(app, partner_id)

        answers = press_at_once(live, post_id, cookie, token)

        db.session.rollback()
        sends = Counter(db.session.scalars(select(Delivery.send_id).where(Delivery.kind == "share")))
        assert Counter(answers) == {303: CAP // RECIPIENTS, 429: PRESSES - CAP // RECIPIENTS}
        assert sum(sends.values()) == CAP
        assert set(sends.values()) == {RECIPIENTS}
        assert daily_email_count(partner_id) == CAP
        db.session.remove()
        dispose()


def press_at_once(live: Live, post_id: str, cookie: str, token: str) -> list[int]:
    answers: list[int] = []
    start = threading.Barrier(PRESSES)

    def press(number: int) -> None:
        emails = "\n".join(f"press{number}-{one}@example.org" for one in range(RECIPIENTS))
        fields = {
            "sid": post_id,
            "emails": emails,
            "consent": "1",
            "nonce": f"n{number}",
            "csrf_token": token,
        }
        headers = {"Cookie": f"session={cookie}", "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=120)
        with contextlib.closing(connection):
            start.wait()
            connection.request("POST", "/byop/email", urlencode(fields), headers)
            answers.append(connection.getresponse().status)

    threads = [threading.Thread(target=press, args=(number,)) for number in range(PRESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
