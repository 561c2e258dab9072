"""People, applications and databases for the tests: each test has an empty, migrated database."""

from __future__ import annotations

import gc
import os
import re
import secrets
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
from sqlalchemy import Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from contentflow import config, create_app
from contentflow.config import settings
from contentflow.conversions.models import Conversion, Network
from contentflow.core import migrate
from contentflow.core.database_breaker import breaker
from contentflow.core.db import Base, db, dispose
from contentflow.mailing import transports
from contentflow.offers.models import Offer
from contentflow.partners.models import Partner
from tests.factories.bucket import Between, s3_server
from tests.factories.clicks import ClickFactory
from tests.factories.conversions import ConversionFactory, NetworkFactory
from tests.factories.offers import OfferFactory
from tests.factories.partners import PartnerFactory
from tests.factories.posts import PostFactory
from tests.house import POST_OFFICE, PostOffice, browser, log_in, shut

POSTGRES = os.environ.get("CONTENTFLOW_TEST_DATABASE", "")
BASE_ENV = {
    "ENV": "production",
    "SECRET_KEY": "a-test-key-of-enough-length",
    "PUBLIC_BASE_URL": "https://share.example.org",
    "EMAIL_FROM": "bonjour@share.example.org",
    "SMTP_URL": POST_OFFICE,
}
GIGABYTE = 1 << 30

MakeApp = Callable[..., Flask]


class Templates(BytecodeCache):
    """Compiled templates, by their name and the checksum of their text: once a process, not once a test."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key, bucket.checksum] = bucket.code


def _once_a_process(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """Compile what builds a rule's address once: the applications of all tests have the same rules."""
    known: dict[Any, Any] = {}

    def compiled(rule: Rule, append_unknown: bool = True) -> Any:
        key = (tuple(rule._trace), tuple((rule.defaults or {}).items()), append_unknown)
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    return compiled


Rule._compile_builder = _once_a_process(Rule._compile_builder)  # type: ignore[method-assign]

# Two hosts share one server; SQLite has none, and one writer at a time.
collect_ignore = [] if POSTGRES else ["proof/test_two_hosts.py", "proof/test_upgrade.py"]

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL leave out what asks for no database: it ran with SQLite's, and would run the same."""
    for item in items:
        if "browser" in item.keywords or "proof" in item.keywords:
            item.add_marker(pytest.mark.slow)
    if POSTGRES:
        asking = [item for item in items if "database_url" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=list(set(items) - set(asking)))
        items[:] = asking


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
def empty_database(tmp_path_factory: pytest.TempPathFactory, worker_name: str) -> Iterator[Any]:
    """Migrate once a process: a file to copy for SQLite, the URL of a database for PostgreSQL."""
    folder = tmp_path_factory.mktemp("empty")
    if not POSTGRES:
        _build(folder, "")
        yield folder / "contentflow.db"
        return
    name = f"contentflow_test_{secrets.token_hex(6)}_{worker_name}"
    url = POSTGRES.rsplit("/", 1)[0] + f"/{name}"
    # Nobody cuts this server's power: no commit need wait for the disk.
    _postgres(f'CREATE DATABASE "{name}"', f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    _build(folder, url)
    yield url
    gc.collect()  # Connections that no pool knows any more end here, not in somebody else's test.
    _postgres(f'DROP DATABASE "{name}" WITH (FORCE)')


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

    with psycopg.connect(str(empty_database)) as connection:
        # Few of many tables hold anything, and emptying those takes a hundredth of truncating all.
        tables = [table.name for table in Base.metadata.sorted_tables]
        looks = " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in tables
        )
        filled = connection.execute(looks).fetchall()  # type: ignore[arg-type]
        begun = connection.execute("SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL")
        # Foreign keys, and the triggers by which the ledger refuses it, are set aside.
        connection.execute("SET LOCAL session_replication_role = replica")
        for (table,) in filled:
            connection.execute(f'DELETE FROM "{table}"')  # type: ignore[arg-type]
        for (sequence,) in begun.fetchall():
            connection.execute(f'ALTER SEQUENCE "{sequence}" RESTART')  # type: ignore[arg-type]
    return str(empty_database)


_compiled = LRUCache(4_000)


def _compile_once(engine: Engine) -> None:
    """Let the engines of a process share what they compiled: each test has an engine of its own.

    The dialect is part of the key, so two of one kind must be equal.
    """
    kind = type(engine.dialect)
    kind.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
    kind.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    engine._compiled_cache = _compiled


@pytest.fixture
def make_app(tmp_path: Path, database_url: str, request: pytest.FixtureRequest) -> Iterator[MakeApp]:
    """Build an application on this test's database, with settings given as in the environment."""
    made: list[Flask] = []
    breaker.close()  # Whatever a test before did to the database.

    def make(**environ: str) -> Flask:
        given = {**BASE_ENV, "DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, **environ}
        if given["ENV"] == "development" and "SMTP_URL" not in environ:
            given["SMTP_URL"] = ""  # As under ``make run``: mails stay in the local mailbox.
        app = create_app(config.load(given))
        if app.extensions["bucket"] is not None:
            app.extensions["bucket"]._clients = request.getfixturevalue("s3").clients
        app.testing = False  # The edge answers errors as it would in production.
        with app.app_context():
            _compile_once(db.engine)
        made.append(app)
        return app

    yield make
    for app in made:
        shut(app)


@pytest.fixture
def app(make_app: MakeApp) -> Iterator[Flask]:
    app = make_app()
    with app.app_context():
        yield app


@pytest.fixture
def unfolded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clicks wait in their journal until the test folds; else they are rows after each request."""
    monkeypatch.setattr("tests.house.fold", lambda: 0)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return browser(app)


@pytest.fixture
def alice(app: Flask) -> Partner:
    return PartnerFactory(email="alice@example.org", name="Alice Martin")


@pytest.fixture
def bob(app: Flask) -> Partner:
    return PartnerFactory(email="bob@example.org", name="Bob Durand")


@pytest.fixture
def mallory(app: Flask) -> Partner:
    return PartnerFactory(email="mallory@example.net", name="Mallory")


@pytest.fixture
def olga(app: Flask) -> Partner:
    return PartnerFactory(email="olga@example.org", name="Olga", is_operator=True)


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
    return OfferFactory()


@pytest.fixture
def alices_post(app: Flask, alice: Partner, offer: Offer) -> Any:
    """A post of words alone, as submitted; the worker has not seen it yet."""
    words = {"title": "Une heure gagnée par jour", "hashtags": "#ia", "cta": "Essaye ici"}
    return PostFactory(partner_id=alice.id, nonce="first", **words)


@pytest.fixture
def alices_kit(alices_post: Any) -> str:
    return f"/byop/kit?id={alices_post.id}"


@pytest.fixture
def network(app: Flask) -> Network:
    return NetworkFactory(name="awin")


@pytest.fixture
def click(alices_post: Any) -> Callable[..., str]:
    """Write a click on one of alice's links and return its id."""
    return lambda channel="whatsapp", verdict="valid", **more: (
        ClickFactory(post=alices_post, channel=channel, verdict=verdict, **more).id
    )


@pytest.fixture
def postback(network: Network) -> Callable[..., Conversion]:
    """Record what the network would post, in a transaction of its own."""

    def record(transaction: str, type: str = "sale", amount_cents: int = 1_000, click_id: str = "",
               currency: str = "EUR", **more: Any) -> Conversion:  # fmt: skip
        fields = {"type": type, "amount_cents": amount_cents, "click_id": click_id, "currency": currency}
        return ConversionFactory(network=network, transaction=transaction, **fields, **more)

    return record


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("LANGUAGE", "en")

    def run(*words: str, ok: bool = True) -> str:
        result = app.test_cli_runner().invoke(args=list(words))
        db.session.rollback()
        assert (result.exit_code == 0) == ok, result.output
        return result.output.strip()

    return run


@pytest.fixture(scope="session")
def s3() -> Iterator[Between]:
    """An S3-compatible server for all tests of this process, seen through who may break what is asked."""
    with s3_server() as between:
        yield between


@pytest.fixture
def shared(s3: Between) -> Iterator[Between]:
    """The server, in a good mood, with a prefix that this test has for itself."""
    s3.begin_anew()
    yield s3
    s3.be("")
