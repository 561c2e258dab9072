"""No page, postback, sweep or maintenance reads a growing table from end to end, nor another partner's rows.

Every statement of a walk through the whole product is recorded and explained in a database that is filled.
"""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask, request_finished, url_for
from sqlalchemy import select, text, update

from contentflow.conversions import networks, unattributed
from contentflow.conversions import services as conversions
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.maintenance import maintenance
from contentflow.core.signature import HEADER, sign
from contentflow.ledger import contracts, holds
from contentflow.ledger.models import Commission
from contentflow.links import services as links
from contentflow.links.models import Click
from contentflow.mailing.models import CapturedMail, Delivery
from contentflow.offers.models import Offer
from contentflow.partners import services as partners
from contentflow.pipeline import rendering
from contentflow.pipeline.renders import RenderResult
from tests.house import PAYS, browser, log_in, post, run_work
from tests.mailing.brevo_payloads import payload
from tests.pipeline.films import film
from tests.proof.plans import aside, complaints, count_of, fill, recorded

pytestmark = pytest.mark.proof

# Pages that ask nothing of the database, or that production does not have.
NOT_WALKED = {"static", "mailing.mailbox", "mailing.captured", "mailing.captured_html"}
LAST = {"POST byop.archive", "POST portal.erase"}
PERSON = {"User-Agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
          "Chrome/129.0.0.0 Mobile Safari/537.36"}  # fmt: skip
# What may be read whole, and why; a part of the statement that no other has.
ALLOWED = {
    "SELECT partners.id FROM partners": "hourly maintenance goes through all partners",
    "click_link_days.day >= ": "hourly maintenance goes through the days that are not paid yet",
    "SELECT deliveries.state, count(*)": "a scrape counts the deliveries of 24 hours",
    "SELECT assets.state, count(*)": "a scrape counts the clips by state",
    "SELECT click_partner_days.channel, sum(": "hourly maintenance counts the programme's clicks a channel",
    "SELECT contact_share_logs.channel, sum(": "hourly maintenance counts the programme's presses a channel",
    "SELECT share_sums.channel, sum(": "hourly maintenance counts the programme's presses a channel",
    "FROM variants JOIN byop_submissions": "an export, asked for now and then",
    "UPDATE variants SET hook": "an erasure, once a partner",
    "SELECT partner_accounts.platform, count(*)": "an operator asks how many accounts each platform has",
    "credits.cents > credits.taken_cents ORDER BY holds.opened_at": "an operator asks for every open hold",
    "sum(credits.cents - credits.taken_cents)": "hourly maintenance adds up the whole ledger, as doctor does",
    "SELECT sum(ledger_entries.amount_cents)": "the same",
    "WHERE ledger_entries.credit_id IS NOT NULL GROUP BY": "the same",
    "FROM invoices ORDER BY invoices.issued_on DESC LIMIT": "along their index, the newest fifty, each hour",
    "max(credits.at)": "an operator asks who needs a contract: what is held now, of any year",
}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A render that does all but the work."""

    def made(source: Path, options: Any, settings: Any, folder: Path, on_step: Any) -> Any:
        out = folder / "made"
        out.mkdir()
        for name in ("clip.mp4", *(f"{kind}-{n}.jpg" for kind in ("poster", "cover") for n in (1, 2, 3))):
            (out / name).write_bytes(source.read_bytes()[:1000])
        (out / "captions.vtt").write_text("WEBVTT\n")
        words = ((0.0, 0.5, "bonjour"),)
        return out, RenderResult(
            video_seconds=9.0, start=0.0, seconds=5.0, framing="blur", captions="heard", words=words, covers=3
        )

    monkeypatch.setattr(rendering, "make_clip", made)


class Walk:
    """A partner's life, from the login to the erasure, with everybody who meets it."""

    def __init__(self, app: Flask, partner_id: str, film_bytes: bytes) -> None:
        self.app, self.partner_id, self.film = app, partner_id, film_bytes
        self.client = log_in(browser(app), partner_id)
        self.anybody = browser(app)

    def log_in(self, email: str) -> None:
        for path in ("/", "/legal", "/partner/login", "/partner/login/code", "/healthz", "/readyz",
                     "/robots.txt", "/.well-known/security.txt"):  # fmt: skip
            self.anybody.get(path)
        asked = browser(self.app)
        post(asked, "/partner/login", {"email": email})
        run_work(self.app)
        post(asked, "/partner/login/code", {"code": "000000"})
        post(asked, "/language", {"lang": "en"})
        with transaction():
            token = partners.make_login_link(email)
        for call in (asked.get, lambda path: post(asked, path)):
            call(f"/partner/login/{token}")
        post(asked, "/partner/logout")

    def bring(self) -> str:
        """Return the id of a post whose clip is ready and approved."""
        self.client.get("/byop/new")
        self.client.get("/byop/preview?title=x")
        post(self.client, "/byop/preview", {"title": "x"})
        data = {"video": (io.BytesIO(self.film), "film.mp4"), "title": "Titre", "nonce": "walk"}
        sent = post(self.client, "/byop/submit", data, content_type="multipart/form-data")
        sid = sent.headers["Location"].rpartition("=")[2]
        self.client.get(f"/byop/status?id={sid}")
        run_work(self.app)
        with aside():
            render = db.session.scalar(text("SELECT render_id FROM assets WHERE render_id IS NOT NULL"))
        post(self.client, "/byop/cover", {"sid": sid, "cover": "2"})
        post(self.client, "/byop/approve", {"sid": sid, "render": str(render)})
        post(self.client, "/byop/retry", {"sid": sid})
        run_work(self.app)
        for path in ("status", "clip", "kit", "edit", "qr", "email", "email/preview"):
            self.client.get(f"/byop/{path}?id={sid}&ch=qr&format=svg")
        post(self.client, "/byop/edit", {"sid": sid, "title": "Autre titre"})
        for channel in ("copy", "whatsapp"):
            post(self.client, "/byop/log", {"sid": sid, "ch": channel})
        return str(sid)

    def mail(self, sid: str) -> None:
        fields = {"sid": sid, "emails": "a@example.net, b@example.net", "consent": "1", "nonce": "n1"}
        post(self.client, "/byop/email/check", fields)
        sent = post(self.client, "/byop/email", fields, headers={"HX-Request": "true"})
        post(self.client, "/byop/email", fields)
        send = re.search(r'name="send" value="([^"]+)"', sent.get_data(as_text=True))
        self.client.get(f"/byop/email/result?id={sid}&send={send[1] if send else ''}")
        more = post(self.client, "/byop/email", {**fields, "emails": "c@example.net", "nonce": "n2"})
        assert more.status_code in (200, 303)
        found = re.findall(r'name="send" value="([^"]+)"', self.client.get(f"/byop/kit?id={sid}").text)
        post(self.client, "/byop/email/cancel", {"send": (found or [send[1] if send else ""])[-1]})
        with time_machine.travel(clock.now() + timedelta(seconds=60)):
            run_work(self.app)
        self.stop()

    def stop(self) -> None:
        db.session.rollback()
        with aside():
            mails = "\n".join(f"{mail.__dict__}" for mail in db.session.scalars(select(CapturedMail)))
        for act in ("subscribe", "unsubscribe"):
            token = (re.findall(rf"/{act}/([\w-]+)", mails) or ["unknown"])[0]
            self.anybody.get(f"/{act}/{token}")
            self.anybody.post(f"/{act}/{token}", data={"scope": "partner"})

    def click(self, sid: str) -> str:
        """Let visitors come, and return the id of a valid click."""
        own = links.links_of(sid)
        for channel in ("whatsapp", "x", "copy"):
            path = f"/l/{own[channel].code}"
            self.anybody.get(path, headers=PERSON)
            self.anybody.get(path, headers={"User-Agent": "WhatsApp/2.24"})
            self.anybody.get(path, headers={"User-Agent": "Googlebot/2.1"})
            self.client.get(path, headers=PERSON)
        self.anybody.get("/l/0000000", headers=PERSON)
        self.anybody.get(f"/l/{own['copy'].asset_id}?pid={self.partner_id}", headers=PERSON)
        self.anybody.get(f"/p/{own['copy'].code}")
        for name in ("clip.mp4", "poster.jpg", "cover.jpg", "captions.vtt"):
            self.anybody.get(f"/p/{own['copy'].code}/{name}")
        for sweep in maintenance().sweeps.values():
            sweep()
        db.session.rollback()
        with aside():
            return str(db.session.scalar(select(Click.id).where(Click.verdict == "valid").limit(1)))

    def sell(self, click_id: str) -> None:
        with transaction():
            network, secret = networks.add_network("awin", "cli")
            networks.set_rate("USD", "0.92", "cli")
            assert network.name == "awin"
        sale = {
            "transaction": "T1",
            "type": "sale",
            "click_id": click_id,
            "amount_cents": 9_000,
            "currency": "EUR",
        }
        for fields in (
            sale, sale, {**sale, "amount_cents": 1}, {**sale, "transaction": "T2", "currency": "USD"},
            {**sale, "transaction": "L1", "type": "lead"}, {**sale, "transaction": "N1", "click_id": ""},
            {**sale, "type": "refund", "amount_cents": 100},
            {**sale, "type": "refund", "transaction": "R9", "refund_of": "T9"}, {**sale, "transaction": "T9"},
            {**sale, "transaction": "big", "amount_cents": 400_000},
            {**sale, "type": "refund", "transaction": "big", "amount_cents": 300_000},
        ):  # fmt: skip
            self.post_back(secret, json.dumps(fields).encode())
        query = "transaction=G1&type=sale&amount_cents=500&currency=EUR"
        header = sign(secret, int(clock.now().timestamp()), "GET", f"/postback/awin?{query}", b"")
        self.anybody.get(f"/postback/awin?{query}&signature={header}")

    def post_back(self, secret: str, body: bytes) -> None:
        header = sign(secret, int(clock.now().timestamp()), "POST", "/postback/awin", body)
        self.anybody.post("/postback/awin", data=body, headers={HEADER: header})

    def look(self, sid: str, offer: Offer) -> None:
        for path in (
            "/partner/portal", "/partner/portal?page=2", "/partner/offers", f"/partner/offers/{offer.id}",
            f"/partner/offers/{offer.id}/picture", f"/byop/kit?id={sid}", "/partner/earnings",
            f"/partner/earnings?id={sid}", "/partner/earnings/statement", "/partner/earnings/clicks.csv",
            "/partner/earnings/statement?format=csv", "/partner/export.json",
        ):  # fmt: skip
            self.client.get(path)
        for by in ("day", "channel", "post", "link"):
            self.client.get(f"/partner/earnings/clicks?by={by}")
            self.client.get(f"/partner/earnings/clicks?by={by}&id={sid}")

    def call(self, route: str, sid: str) -> None:
        """Call a page that the walk does not know, with what such pages ask for."""
        method, endpoint = route.split(" ")
        (rule, *_) = self.app.url_map.iter_rules(endpoint)
        with self.app.test_request_context():
            path = url_for(endpoint, **dict.fromkeys(rule.arguments, "unknown"))
        if method == "GET":
            self.client.get(path, query_string={"id": sid})
        else:
            post(self.client, path, {"sid": sid, "id": sid})

    def operate(self, click_id: str) -> None:
        with transaction():
            nobodys = unattributed.list_unattributed()[-1]
            conversions.attribute(nobodys.id, click_id, "cli")
            contracts.list_due()
            for hold, _ in holds.list_holds():
                holds.release_commission(hold.commission_id, "cli") if hold.reason != holds.CONTRACT else None
            contracts.record_contract(self.partner_id, "Nova", "1", clock.now(), "cli")

    def hear_of_mails(self) -> None:
        with aside():
            mail = db.session.scalars(select(Delivery).where(Delivery.kind == "share").limit(1)).one()
            told = [payload("hard_bounce", our_id=mail.id), payload("delivered", message_id="<1@elsewhere>")]
            db.session.rollback()
        headers = {"Authorization": "Bearer the-token"}
        assert self.app.test_client().post("/webhooks/brevo", json=told, headers=headers).status_code == 200

    def wait(self) -> None:
        """Something of each kind is due, or old enough to be forgotten, and the worker does it."""
        with aside(), transaction():
            ids = list(db.session.scalars(select(Click.id).limit(2)))
            db.session.execute(
                update(Click).where(Click.id == ids[0]).values(clicked_at=clock.now() - timedelta(days=400))
            )
            db.session.execute(update(Commission).values(matures_at=clock.now() - timedelta(hours=1)))
            day = clock.now() - timedelta(days=1)
            db.session.execute(text("UPDATE click_link_days SET day = :day"), {"day": f"{day:%Y-%m-%d}"})
        run_work(self.app)
        for act in maintenance().hourly.values():
            act()

    def leave(self, sid: str) -> None:
        post(self.client, "/byop/archive", {"sid": sid})
        post(self.client, "/partner/erase", {"confirm": "ERASE"})


def walk_routes(app: Flask) -> set[str]:
    return {
        f"{method} {rule.endpoint}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST"}
        if rule.endpoint not in NOT_WALKED
    }


def test_no_statement_reads_a_growing_table_from_end_to_end(
    make_app: Any, alice: Any, bob: Any, offer: Offer, quick: None, tmp_path: Path
):
    app = make_app(**PAYS, NETWORK_AWIN_ALLOW_GET="true", BREVO_WEBHOOK_TOKEN="the-token")
    with transaction():
        db.session.execute(update(Offer).values(click_cents=2, daily_budget_cents=10_000))
    seen: set[str] = set()

    def note(sender: Flask, response: Any, **_: Any) -> None:
        from flask import request

        if response.status_code != 500 and request.endpoint:
            seen.add(f"{request.method} {request.endpoint}")

    walk = Walk(app, alice.id, film(tmp_path / "film.mp4", seconds=1.0).read_bytes())
    with recorded() as statements, request_finished.connected_to(note, app):
        walk.log_in("alice@example.org")
        sid = walk.bring()
        walk.mail(sid)
        click_id = walk.click(sid)
        walk.sell(click_id)
        walk.look(sid, offer)
        for route in sorted(walk_routes(app) - seen - LAST):
            walk.call(route, sid)
        walk.operate(click_id)
        walk.hear_of_mails()
        walk.wait()
        bobs = Walk(app, bob.id, walk.film)
        bobs.leave(bobs.bring())
    assert walk_routes(app) - seen == set(), "pages that the walk does not visit"

    fill()
    assert min(count_of(name) for name in ("conversions", "clicks", "credits", "deliveries", "links")) > 3_000
    found = [one for one in complaints(statements) if not any(part in one for part in ALLOWED)]

    assert not found, "\n".join(found)
    refunds = {statement: known for statement, known in statements.items() if "refund_of = " in statement}
    db.session.rollback()
    db.session.execute(text("DROP INDEX ix_conversions_network_id_refund_of"))
    db.session.commit()
    assert complaints(refunds), "without its index the search for a waiting refund is not noticed"
