"""A database that goes silent, and one whose connections are all taken, keep no visitor waiting."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from contentflow.core import database_breaker
from contentflow.core.db import db, transaction
from contentflow.links import journal_files
from contentflow.links.folding import fold
from contentflow.links.models import Click, Link
from tests.conftest import POSTGRES, MakeApp
from tests.house import browser, log_in

PHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Mobile Safari"}
VISITOR_SECONDS = 2.0


class Wire:
    """A TCP proxy before PostgreSQL that can be frozen: it takes every byte and hands none on."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._door = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = int(self._door.getsockname()[1])
        self.is_frozen = False
        self._is_over = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        pairs: dict[socket.socket, socket.socket] = {}
        while not self._is_over:
            if self.is_frozen:
                time.sleep(0.02)
                continue
            for ready in select.select([self._door, *pairs], [], [], 0.02)[0]:
                if ready is self._door:
                    client, server = self._door.accept()[0], socket.create_connection(self._target)
                    pairs.update({client: server, server: client})
                elif ready in pairs:
                    self._pass_on(ready, pairs)
        for one in (self._door, *pairs):
            one.close()

    @staticmethod
    def _pass_on(ready: socket.socket, pairs: dict[socket.socket, socket.socket]) -> None:
        other = pairs[ready]
        try:
            data = ready.recv(65_536)
            other.sendall(data)
        except OSError:
            data = b""
        if not data:
            for end in (ready, other):
                pairs.pop(end)
                end.close()

    def close(self) -> None:
        self._is_over = True


@pytest.fixture(autouse=True)
def fresh_silence() -> Iterator[None]:
    database_breaker.breaker.close()
    yield
    database_breaker.breaker.close()


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire | None]:
    if not POSTGRES:
        yield None
        return
    url = make_url(database_url)
    wire = Wire((url.host or "127.0.0.1", url.port or 5432))
    yield wire
    wire.close()


@pytest.fixture
def code(app: Flask, alices_post: object) -> str:
    return db.session.query(Link).filter(Link.channel == "copy").one().code


def wired(make_app: MakeApp, wire: Wire, database_url: str) -> Flask:
    url = make_url(database_url).set(host="127.0.0.1", port=wire.port)
    return make_app(DATABASE_URL=url.render_as_string(hide_password=False))


def visit(app: Flask, path: str, **headers: str) -> tuple[int, float]:
    began = time.monotonic()
    status = browser(app).get(path, headers={**PHONE, **headers}).status_code
    return status, time.monotonic() - began


def test_a_frozen_database_keeps_no_visitor_waiting_and_loses_no_click(
    unfolded: None, make_app: MakeApp, wire: Wire | None, database_url: str, code: str
) -> None:
    if wire is None:
        return
    app = wired(make_app, wire, database_url)
    assert visit(app, f"/l/{code}")[0] == 302

    wire.is_frozen = True
    visits = [visit(app, f"/l/{code}") for _ in range(5)]
    unknown = visit(app, "/l/0000000")

    assert [status for status, _ in visits] == [302] * 5
    assert max(seconds for _, seconds in visits) < VISITOR_SECONDS
    assert unknown[0] == 503
    assert unknown[1] < VISITOR_SECONDS
    with app.app_context():
        assert journal_files.waiting() == 6
    wire.is_frozen = False
    time.sleep(database_breaker.REST_SECONDS + 0.1)
    with app.app_context():
        assert fold() == 6
        assert db.session.query(Click).count() == 6
    assert visit(app, f"/l/{code}")[0] == 302


def test_visitors_who_come_at_once_wait_no_longer(
    unfolded: None, make_app: MakeApp, wire: Wire | None, database_url: str, code: str
) -> None:
    if wire is None:
        return
    app = wired(make_app, wire, database_url)
    visit(app, f"/l/{code}")
    wire.is_frozen = True
    visits: list[tuple[int, float]] = []

    threads = [threading.Thread(target=lambda: visits.append(visit(app, f"/l/{code}"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {status for status, _ in visits} == {302}
    assert max(seconds for _, seconds in visits) < VISITOR_SECONDS + 1  # Twenty threads of one slow test.


def test_pages_of_partners_end_too(
    make_app: MakeApp, wire: Wire | None, database_url: str, alice: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wire is None:
        return
    app = wired(make_app, wire, database_url)
    client = log_in(browser(app), alice.id)  # type: ignore[attr-defined]
    wire.is_frozen = True
    began = time.monotonic()

    statuses = [client.get("/partner/portal").status_code for _ in range(3)]

    assert set(statuses) == {503}
    assert time.monotonic() - began < 4


def test_a_server_that_falls_silent_in_a_statement_is_left(
    make_app: MakeApp, wire: Wire | None, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wire is None:
        return
    app = wired(make_app, wire, database_url)
    monkeypatch.setattr(database_breaker, "WORK_SECONDS", 1)
    monkeypatch.setattr(database_breaker, "DRIVER_SPARE_SECONDS", 0.2)
    with app.app_context():
        connection = db.session.connection()
        wire.is_frozen = True
        began = time.monotonic()

        with pytest.raises(OperationalError, match="does not answer"):
            connection.exec_driver_sql("SELECT 1")

        assert time.monotonic() - began < 3


def test_a_statement_and_a_lock_have_their_ends(app: Flask) -> None:
    if not POSTGRES:
        return
    with app.test_request_context(base_url="https://share.example.org"):
        shown = [
            db.session.connection().exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("statement_timeout", "lock_timeout")
        ]

    assert shown == ["10s", "8s"]


def test_a_kept_connection_that_died_is_replaced(app: Flask) -> None:
    if not POSTGRES:
        return
    db.session.connection().exec_driver_sql("SELECT 1")
    db.session.rollback()
    with transaction():
        other = db.session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar()
    import psycopg

    with psycopg.connect(db.engine.url.set(drivername="postgresql").render_as_string(False)) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (other,))

    with transaction():
        assert db.session.connection().exec_driver_sql("SELECT 1").scalar() == 1


def test_transactions_that_hold_every_connection_hold_up_no_visitor(app: Flask, code: str) -> None:
    """They only read, so SQLite's one writer is free."""
    pool: Any = db.engine.pool
    held = []
    while pool.checkedout() < pool.size() + pool._max_overflow:
        held.append(db.engine.connect())
    try:
        status, seconds = visit(app, f"/l/{code}")
    finally:
        for connection in held:
            connection.close()

    assert status == 302
    assert seconds < VISITOR_SECONDS
