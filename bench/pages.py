"""Pages and forms, as ratios to a bare page that makes the same number of statements.

Processor time of a request in this process, so what else runs on the machine changes little.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from statistics import median
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from bench import bare
from bench.servers import Programme
from contentflow.byop.models import Submission
from contentflow.core.db import db, transaction
from contentflow.partners import services as partners

BASE_URL = "https://share.example.org"
WARM_UP = 3
RECIPIENTS = 200
# Limits that one partner would meet here, and a mail service that is never called.
SETTINGS = {
    "MAIL_TRANSPORT": "",
    "BREVO_API_KEY": "bench",
    "BREVO_API_URL": "http://127.0.0.1:9/v3",
    "EMAIL_FROM": "bench@share.example.org",
    "SHARE_EMAIL_DAILY_LIMIT": "1000000",
    "SHARE_EMAIL_UNDO_SECONDS": "0",
    "EMAIL_PER_MINUTE": "100000",
    "SUBMIT_PER_MINUTE": "100000",
}
_FIELD = re.compile(r'name="(csrf_token|nonce)"[^>]*value="([^"]*)"')


@dataclass
class Statements:
    """``writes``: the rows of each statement that is no SELECT."""

    reads: int = 0
    writes: list[int] = field(default_factory=list)

    @property
    def number(self) -> int:
        return self.reads + len(self.writes)


@contextmanager
def counted() -> Iterator[Statements]:
    found = Statements()

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        word = statement.split(None, 1)[0].upper()
        if word in ("SELECT", "WITH"):
            found.reads += 1
        elif word in ("INSERT", "UPDATE", "DELETE"):
            found.writes.append(len(parameters) if many else 1)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class Partner:
    """A partner's browser, in this process."""

    def __init__(self, own: Programme) -> None:
        self._app = own.app
        self._client = own.app.test_client()
        with own.app.app_context():
            with transaction():
                token = partners.open_session(own.partner_id)
            newest = select(Submission.id).where(Submission.partner_id == own.partner_id).limit(1)
            self.post_id = str(db.session.scalar(newest))
            db.session.remove()
        with self._client.session_transaction(base_url=BASE_URL) as session:
            session["_user_id"], session["_fresh"] = token, True
        self._numbers = count()

    @property
    def cookie(self) -> str:
        """The header that makes another client this browser, once it has opened a page."""
        name = self._app.config["SESSION_COOKIE_NAME"]
        found = self._client.get_cookie(name, domain="share.example.org")
        assert found is not None
        return f"{name}={found.value}"

    def get(self, path: str) -> TestResponse:
        return self._open("GET", path, 200)

    def form_at(self, path: str, **typed: str) -> dict[str, str]:
        return {**dict(_FIELD.findall(self.get(path).get_data(as_text=True))), **typed}

    def new_post(self) -> dict[str, str]:
        return self.form_at("/byop/new", title=f"Post {next(self._numbers)}", description="Trois idées.")

    def submit(self, form: dict[str, str]) -> None:
        self._open("POST", "/byop/submit", 303, data=form)

    def share_form(self, recipients: int = RECIPIENTS) -> dict[str, str]:
        batch = next(self._numbers)
        emails = "\n".join(f"reader{batch}.{number}@example.org" for number in range(recipients))
        return self.form_at(f"/byop/email?id={self.post_id}", sid=self.post_id, emails=emails, consent="y")

    def share(self, form: dict[str, str]) -> None:
        self._open("POST", "/byop/email", 303, data=form)

    def _open(self, method: str, path: str, expected: int, **more: Any) -> TestResponse:
        return answered(self._client, method, path, expected, base_url=BASE_URL, **more)


def answered(client: FlaskClient, method: str, path: str, expected: int, **more: Any) -> TestResponse:
    response = client.open(path, method=method, **more)
    response.get_data()
    if response.status_code != expected:
        raise AssertionError(
            f"{method} {path}: {response.status_code} {response.get_data(as_text=True)[:500]}"
        )
    return response


@dataclass(frozen=True)
class Case:
    """``prepare`` is not measured; what it returns is handed to ``act``."""

    name: str
    prepare: Callable[[], Any]
    act: Callable[[Any], object]


def measure(own: Programme, times: int) -> dict[str, float]:
    """Print each page's milliseconds beside its bare page's; return the ratios."""
    partner, floor = Partner(own), bare.pages(own.app.config["CONTENTFLOW"])
    with floor.app_context(), transaction():
        bare.BARE.create(db.session.connection())
        db.session.execute(bare.BARE.insert(), [{"words": "the one that is read"}])
    cases = (
        Case("kit", lambda: None, lambda _: partner.get(f"/byop/kit?id={partner.post_id}")),
        Case("portal", lambda: None, lambda _: partner.get("/partner/portal")),
        Case("earnings", lambda: None, lambda _: partner.get("/partner/earnings")),
        Case("submit", partner.new_post, partner.submit),
        Case(f"share of {RECIPIENTS}", partner.share_form, partner.share),
    )
    print(f"\n{'':14}{'statements':>11}{'ms':>9}{'bare ms':>9}")
    return {case.name: _beside_bare(case, floor, times) for case in cases}


def _beside_bare(case: Case, floor: Flask, times: int) -> float:
    for _ in range(WARM_UP):
        case.act(case.prepare())
    prepared = case.prepare()
    with counted() as statements:
        case.act(prepared)
    path = f"/{statements.reads}/{','.join(map(str, statements.writes)) or 0}"
    client = floor.test_client()
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(times):
        ours.append(_worked(case.act, case.prepare()))
        theirs.append(_worked(lambda _: answered(client, "GET", path, 200), None))
    ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
    figures = f"{statements.number:>11}{median(ours) * 1000:>9.2f}{median(theirs) * 1000:>9.2f}"
    print(f"{case.name:14}{figures}  × {ratio:.2f}", flush=True)
    return ratio


def _worked(act: Callable[[Any], object], prepared: object) -> float:
    began = time.process_time()
    act(prepared)
    return time.process_time() - began
