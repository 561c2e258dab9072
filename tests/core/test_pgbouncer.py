"""PostgreSQL behind PgBouncer in transaction mode: a connection is another one after each commit."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import make_url, text

from contentflow.config import ROOT
from contentflow.core import audit, migrate
from contentflow.core.broker import broker
from contentflow.core.db import db, dispose, transaction
from contentflow.core.migrate import newest_revision
from contentflow.links.models import Link
from contentflow.web import limits
from tests.conftest import BASE_ENV, POSTGRES, MakeApp, _postgres
from tests.house import browser
from tests.live import free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="needs pgbouncer")
__test__ = bool(POSTGRES)  # SQLite has nothing to pool.
# Fewer connections than threads: no thread meets the same one twice in a row.
INI = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


@pytest.fixture(scope="module")
def bouncer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start PgBouncer before the tests' server and yield its port."""
    assert PGBOUNCER is not None
    url, port = make_url(POSTGRES), free_port()
    words = {"host": url.host, "port": url.port or 5432, "user": url.username, "password": url.password}
    folder = tmp_path_factory.mktemp("bouncer")
    ini = folder / "pgbouncer.ini"
    server = " ".join(f"{name}='{value}'" for name, value in words.items() if value)
    ini.write_text(INI.format(server=server, port=port))
    # It refuses to be root.
    user = [f"--user={_nobody(ini)}"] if os.geteuid() == 0 else []
    process = subprocess.Popen([PGBOUNCER, "--quiet", *user, str(ini)])
    _wait_for(port)
    yield port
    process.kill()
    process.wait(10)


def _nobody(ini: Path) -> str:
    shutil.chown(ini, "nobody")
    for folder in (ini.parent, *ini.parent.parents):
        if folder.owner() == "root" and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    return "nobody"


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


@pytest.fixture
def bounced(bouncer: int, database_url: str) -> str:
    """The tests' own database, reached through PgBouncer."""
    return make_url(database_url).set(host="127.0.0.1", port=bouncer).render_as_string(hide_password=False)


def at_once(app: Flask, act: Callable[[], object], threads: int = 8, times: int = 12) -> list[BaseException]:
    """Let threads do the same again and again, more often than it takes psycopg to prepare a statement."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            for _ in range(times):
                with app.app_context():
                    act()
        except BaseException as failure:
            failures.append(failure)

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return failures


def left_behind() -> dict[str, int]:
    """Count what sessions kept on the server beyond their transactions."""
    counts = {
        "statements": "SELECT count(*) FROM pg_prepared_statements",
        "locks": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())",
        "channels": "SELECT count(*) FROM pg_listening_channels()",
    }
    return {name: int(db.session.execute(text(count)).scalar_one()) for name, count in counts.items()}


def test_transactions_of_many_threads_share_few_connections(make_app: MakeApp, bounced: str) -> None:
    app = make_app(DATABASE_URL=bounced)

    def write() -> None:
        with transaction():
            audit.note("cli", "test", "x")
            limits.take("test", "alice", 1_000, limits.MINUTE)

    failures = at_once(app, write)

    assert failures == []
    with app.app_context():
        assert db.session.query(audit.AuditEntry).count() == 96
        assert limits.left("test", "alice", 1_000, limits.MINUTE) == 904
        assert left_behind() == {"statements": 0, "locks": 0, "channels": 0}


def test_clicks_and_readiness_hold(make_app: MakeApp, bounced: str, app: Flask, alices_post: object) -> None:
    codes = [link.code for link in db.session.query(Link).filter(Link.channel != "direct")]
    through = make_app(DATABASE_URL=bounced)
    phone = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 Safari"}
    answers: list[int] = []

    def click() -> None:
        client = browser(through)
        answers.extend(client.get(f"/l/{code}", headers=phone).status_code for code in codes[:3])
        answers.append(client.get("/readyz").status_code)

    failures = at_once(through, click, threads=6, times=6)

    assert failures == []
    # No worker beats here: /readyz may say 503, and only for that.
    assert {status for status in answers if status not in {302, 503}} == set()
    assert answers.count(302) == 6 * 6 * 3
    assert (through.config["CONTENTFLOW"].data_dir / "spool").exists() is False


def test_two_servers_that_start_at_once_migrate_one_after_the_other(make_app: MakeApp, bouncer: int) -> None:
    name = f"contentflow_bounced_{secrets.token_hex(6)}"
    _postgres(f'CREATE DATABASE "{name}"')
    address = make_url(POSTGRES).set(host="127.0.0.1", port=bouncer, database=name)
    url = address.render_as_string(hide_password=False)
    app = make_app(DATABASE_URL=url)
    upgrade = [sys.executable, "-m", "contentflow", "db", "upgrade"]
    environ = {**os.environ, **BASE_ENV, "DATA_DIR": str(app.config["CONTENTFLOW"].data_dir)}
    try:
        servers = [
            subprocess.Popen(upgrade, cwd=ROOT, env={**environ, "DATABASE_URL": url}) for _ in range(2)
        ]

        assert [server.wait(60) for server in servers] == [0, 0]
        with app.app_context():
            assert migrate.current_revision() == newest_revision()
            assert left_behind()["locks"] == 0
            db.session.remove()
            dispose()
    finally:
        _postgres(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_messages_go_through_it(make_app: MakeApp, bounced: str) -> None:
    app = make_app(DATABASE_URL=bounced, HUEY_URL=bounced.replace("postgresql+psycopg", "postgresql"))

    def pass_on() -> None:
        broker().queue("mail").storage.enqueue(b"work", 0)
        assert broker().queue("mail").storage.dequeue() == b"work"

    with app.app_context():
        huey = broker().queue("mail")
    failures = at_once(app, pass_on, threads=4, times=10)
    huey.storage.close()

    assert failures == []
    with app.app_context():
        assert left_behind() == {"statements": 0, "locks": 0, "channels": 0}
        for table in ("kv", "schedule", "task", "counter"):
            db.session.execute(text(f"DROP TABLE huey_{table}"))
        db.session.commit()
