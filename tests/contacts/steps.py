"""What the tests of the book do again and again: fill it, ask, answer, look."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from contentflow.contacts.models import Contact
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import CapturedMail, Delivery
from tests.house import browser, csrf, log_in, post, run_work

BOOK = "/partner/contacts"


def add(client: FlaskClient, emails: str, **more: Any) -> TestResponse:
    return post(client, f"{BOOK}/add", {"emails": emails, **more})


def verdicts_in(response: TestResponse) -> list[str]:
    return re.findall(r'data-row="\d+" data-verdict="(\w+)"', response.get_data(as_text=True))


def send_file(client: FlaskClient, content: bytes | str, name: str = "contacts.csv") -> TestResponse:
    data = content.encode() if isinstance(content, str) else content
    fields = {"file": FileStorage(io.BytesIO(data), name), "nonce": "n", "csrf_token": csrf(client)}
    # In memory: of a large body the test client would leave a file open.
    boundary, body = encode_multipart(fields)
    return client.post(f"{BOOK}/import", data=body, content_type=f"multipart/form-data; boundary={boundary}")


def import_file(app: Flask, client: FlaskClient, content: bytes | str, **columns: str) -> str:
    """Send a file, start it, let the worker work; returns the address of the import's page."""
    page = send_file(client, content).headers["Location"]
    started = post(client, f"{page}/start", columns)
    assert started.status_code == 303, started.get_data(as_text=True)
    run_work(app)
    return started.headers["Location"]


def rows_of(client: FlaskClient, page: str) -> list[tuple[int, str, str]]:
    """Return (line, address, verdict) of every row of an import."""
    sheet = csv.DictReader(io.StringIO(client.get(f"{page}/verdicts.csv").get_data(as_text=True)))
    return [(int(row["line"]), row["address"], row["verdict"]) for row in sheet]


def contacts_of(partner_id: str) -> dict[str | None, Contact]:
    db.session.rollback()
    own = select(Contact).where(Contact.partner_id == partner_id)
    return {one.address: one for one in db.session.scalars(own)}


def let_leave(app: Flask) -> None:
    """End the time in which a send can be taken back, and let what is due leave."""
    with transaction():
        waits = update(Delivery).where(Delivery.state == "queued")
        db.session.execute(waits.values(next_attempt_at=clock.now()))
    run_work(app)
    db.session.rollback()


def mails_to(address: str) -> list[CapturedMail]:
    db.session.rollback()
    theirs = select(CapturedMail).where(CapturedMail.recipient == address)
    return list(db.session.scalars(theirs.order_by(CapturedMail.created_at)))


def links_in(mail: CapturedMail) -> dict[str, str]:
    """Return the paths of a mail's answer and stop links."""
    found = re.findall(r"https://share\.example\.org(/(subscribe|unsubscribe)/\S+)", mail.text)
    return {kind: path for path, kind in found}


@dataclass
class Person:
    """Somebody in a partner's book, with a browser of their own."""

    app: Flask
    client: FlaskClient  # the partner's
    partner_id: str
    address: str
    links: dict[str, str] = field(default_factory=dict)

    def join(self) -> None:
        assert verdicts_in(add(self.client, self.address)) == ["added"]

    @property
    def contact(self) -> Contact:
        return contacts_of(self.partner_id)[self.address]

    @property
    def state(self) -> str:
        return self.contact.state

    def be_invited(self, **more: Any) -> str:
        """Return the verdict."""
        log_in(self.client, self.partner_id)  # Weeks may have passed.
        fields = {"contact": self.contact.id, "consent": "y", **more}
        return verdicts_in(post(self.client, f"{BOOK}/invite", fields))[0]

    def read_mail(self) -> None:
        """Let the mail arrive, and look at its links."""
        let_leave(self.app)
        self.link()

    def link(self, kind: str = "subscribe") -> str:
        """Return a link of the newest mail; of an address that said stop no mail can be found any more."""
        if mails := mails_to(self.address):
            self.links = links_in(mails[-1])
        return self.links[kind]

    def answer(self, word: str = "yes") -> TestResponse:
        return browser(self.app).post(self.link(), data={"answer": word})

    def say_yes(self) -> None:
        assert self.be_invited() == "invited"
        self.read_mail()
        assert self.answer().status_code == 200

    def stop(self, scope: str = "all") -> None:
        stopped = browser(self.app).post(self.link("unsubscribe"), data={"scope": scope})
        assert stopped.status_code == 200
