"""People, applications and databases for the tests: each test has an empty, migrated database."""

from __future__ import annotations

import gc
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from contentflow import config, create_app
from contentflow.config import settings
from contentflow.core import migrate
from contentflow.core.db import Base, db, dispose, transaction
from contentflow.core.silence import silence
from contentflow.mailing import transports
from contentflow.offers import services as offers
from contentflow.offers.models import Offer
from contentflow.partners import services as partners
from contentflow.partners.models import Partner
from tests.house import POST_OFFICE, PostOffice, browser, log_in

POSTGRES = os.environ.get("CONTENTFLOW_TEST_DATABASE", "")
BASE_ENV = {
    "ENV": "production",
    "SECRET_KEY": "a-test-key-of-enough-length",
    "PUBLIC_BASE_URL": "https://share.example.org",
    "EMAIL_FROM": "bonjour@share.example.org",
    "SMTP_URL": POST_OFFICE,
}
GIGABYTE = 1 << 30
LEDGER = ("ledger_entries", "ledger_postings")

MakeApp = Callable[..., Flask]


class Templates(BytecodeCache):
    """Compiled templates, by their name and the checksum of their text: once a process, not once a test."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key, bucket.checksum] = bucket.code


Flask.jinja_options = {"bytecode_cache": Templates()}
gc.set_threshold(20_000, 20, 10)  # Each application is a web of cycles; every 700 objects is too often.


os.environ["LANGUAGE"] = "en"  # The command line speaks the terminal's language.


def pytest_configure(config: pytest.Config) -> None:
    """Keep the folders of unit tests in memory where there is room; proofs stay on the disk."""
    memory = Path("/dev/shm")
    if (
        "not proof" in config.option.markexpr
        and memory.is_dir()
        and shutil.disk_usage(memory).free > GIGABYTE
    ):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def pytest_collection_finish() -> None:
    gc.freeze()  # Modules and tests stay until the end: nobody need look at them again.


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.keywords or "proof" in item.keywords:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"skipped: {report.nodeid}: {report.longrepr[2]}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if skipped and os.environ.get("CONTENTFLOW_TEST_ALL") == "1":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not re.match(r"127\.|::1|localhost", str(address[0])):
            raise AssertionError(f"a test opened a connection to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)


@pytest.fixture(autouse=True)
def post_office(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let mail arrive in rows that tests read, unless a test names a mail service of its own."""
    chosen = transports.chosen

    def choose() -> transports.Transport | None:
        is_ours = (
            settings().sends_mail and not settings().brevo_api_key and settings().smtp_url == POST_OFFICE
        )
        return PostOffice(settings()) if is_ours else chosen()

    monkeypatch.setattr(transports, "chosen", choose)


@pytest.fixture(scope="session")
def worker_name(request: pytest.FixtureRequest) -> str:
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory, worker_name: str) -> Any:
    """Migrate once a process: a file to copy for SQLite, the URL of a database for PostgreSQL."""
    folder = tmp_path_factory.mktemp("empty")
    if not POSTGRES:
        _build(folder, "")
        return folder / "contentflow.db"
    name = f"contentflow_test_{os.getpid()}_{worker_name}"
    url = POSTGRES.rsplit("/", 1)[0] + f"/{name}"
    _postgres(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
    _build(folder, url)
    return url


def _build(folder: Path, url: str) -> None:
    app = create_app(config.load({**BASE_ENV, "DATA_DIR": str(folder), "DATABASE_URL": url}))
    with app.app_context():
        if any((migrate.FOLDER / "versions").glob("*.py")):
            migrate.upgrade()
        else:
            Base.metadata.create_all(db.engine)
        with db.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("SELECT 1")
                connection.rollback()
        dispose()


def _postgres(*statements: str) -> None:
    import psycopg

    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture
def database_url(empty_database: Any, tmp_path: Path) -> str:
    """An empty database for this test alone; for SQLite it stands in DATA_DIR = ``tmp_path``."""
    if not POSTGRES:
        for suffix in ("", "-wal"):
            source = Path(f"{empty_database}{suffix}")
            if source.exists():
                shutil.copy(source, tmp_path / source.name)
        return ""
    import psycopg

    tables = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
    with psycopg.connect(str(empty_database)) as connection:
        # The ledger refuses a TRUNCATE; its owner may still set the triggers aside.
        for table in LEDGER:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # type: ignore[arg-type]
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")  # type: ignore[arg-type]
        for table in LEDGER:
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")  # type: ignore[arg-type]
    return str(empty_database)


@pytest.fixture
def make_app(tmp_path: Path, database_url: str) -> Iterator[MakeApp]:
    """Build an application on this test's database, with settings given as in the environment."""
    made: list[Flask] = []
    silence.end()  # Whatever a test before did to the database.

    def make(**environ: str) -> Flask:
        given = {**BASE_ENV, "DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, **environ}
        if given["ENV"] == "development" and "SMTP_URL" not in environ:
            given["SMTP_URL"] = ""  # As under ``make run``: mails stay in the local mailbox.
        app = create_app(config.load(given))
        app.testing = False  # The edge answers errors as it would in production.
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            dispose()


@pytest.fixture
def app(make_app: MakeApp) -> Iterator[Flask]:
    app = make_app()
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return browser(app)


def _person(email: str, name: str, is_operator: bool = False) -> Partner:
    with transaction():
        partner = partners.add_partner(email, name, is_operator)
    db.session.refresh(partner)
    db.session.expunge(partner)
    return partner


@pytest.fixture
def alice(app: Flask) -> Partner:
    return _person("alice@example.org", "Alice Martin")


@pytest.fixture
def bob(app: Flask) -> Partner:
    return _person("bob@example.org", "Bob Durand")


@pytest.fixture
def mallory(app: Flask) -> Partner:
    return _person("mallory@example.net", "Mallory")


@pytest.fixture
def olga(app: Flask) -> Partner:
    return _person("olga@example.org", "Olga", is_operator=True)


@pytest.fixture
def alice_client(app: Flask, alice: Partner) -> FlaskClient:
    return log_in(browser(app), alice.id)


@pytest.fixture
def bob_client(app: Flask, bob: Partner) -> FlaskClient:
    return log_in(browser(app), bob.id)


@pytest.fixture
def mallory_client(app: Flask, mallory: Partner) -> FlaskClient:
    return log_in(browser(app), mallory.id)


@pytest.fixture
def offer(app: Flask) -> Offer:
    with transaction():
        offer = offers.add_offer("Nova IA", "https://nova.example.com/?c={click_id}", "Nova", 4000)
    db.session.refresh(offer)
    db.session.expunge(offer)
    return offer


@pytest.fixture
def alices_post(app: Flask, alice: Partner, offer: Offer) -> Any:
    """A post of words alone, as submitted; the worker has not seen it yet."""
    from contentflow.byop import services as byop
    from contentflow.byop.services import Draft

    draft = Draft(title="Une heure gagnée par jour", hashtags="#ia", cta="Essaye ici", nonce="first")
    with transaction():
        submission = byop.submit_post(alice.id, draft)
    db.session.refresh(submission)
    db.session.expunge(submission)
    return submission


@pytest.fixture
def alices_kit(alices_post: Any) -> str:
    return f"/byop/kit?id={alices_post.id}"
