"""Clicks and posts go on while processes are killed: what was answered stands exactly once."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import current_app
from sqlalchemy import select, text

from contentflow import config, create_app
from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.byop.services import Draft
from contentflow.core.db import db, dispose, is_sqlite, transaction
from contentflow.links import journal_files
from contentflow.links import services as links
from contentflow.links.models import Click
from contentflow.offers import services as offers
from contentflow.partners import services as partners
from contentflow.partners.models import Partner
from contentflow.pipeline.models import Asset
from tests.house import cookie_and_token
from tests.live import Live, serving

KILLS = int(os.environ.get("CLICK_KILLS", "8"))
CLICKERS = 4
CLICKS_BETWEEN_KILLS = 10
PATIENCE_SECONDS = 90.0
VICTIMS = ("web", "worker", "web master", "web", "parent")


class Crowd:
    """Visitors who click without a pause, each once; ``answered`` holds the clicks' ids of the 302s."""

    def __init__(self, live: Live, codes: list[str]) -> None:
        self.answered: list[str] = []
        self._live, self._codes = live, codes
        self._stop, self._numbers = threading.Event(), itertools.count()
        self._threads = [threading.Thread(target=self._click_on, daemon=True) for _ in range(CLICKERS)]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def has_answers(self, number: int) -> bool:
        return len(self.answered) >= number

    def _click_on(self) -> None:
        while not self._stop.is_set():
            try:
                self._click()
            except (OSError, http.client.HTTPException):
                self._stop.wait(0.05)  # Nobody is there at the moment.

    def _click(self) -> None:
        number = next(self._numbers)
        # Who closes by name is answered by a thread of the web worker, the others by its loop.
        visitor = {"User-Agent": f"Mozilla/5.0 (X11; Linux x86_64) Visitor/{number}"}
        if number % 3 == 0:
            visitor["Connection"] = "close"
        connection = http.client.HTTPConnection("127.0.0.1", self._live.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", f"/l/{self._codes[number % len(self._codes)]}", headers=visitor)
            response = connection.getresponse()
        if response.status == 302:
            self.answered.append(response.headers["Location"].partition("c=")[2])


class Writer:
    """A partner who submits posts without a pause; a post without an answer is pressed again.

    ``answered`` holds the ids that the 303s named, by the form's nonce.
    """

    def __init__(self, live: Live, cookie: str, token: str) -> None:
        self.answered: dict[str, set[str]] = {}
        self._live, self._cookie, self._token = live, cookie, token
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write_on, daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write_on(self) -> None:
        for number in itertools.count():
            while not self._stop.is_set():
                try:
                    self._press(f"nonce-{number}")
                    break
                except (OSError, http.client.HTTPException):
                    self._stop.wait(0.05)  # Nobody is there at the moment: press again.
            if self._stop.is_set():
                return

    def _press(self, nonce: str) -> None:
        body = urlencode({"title": f"Post {nonce}", "nonce": nonce, "csrf_token": self._token})
        headers = {"Cookie": f"session={self._cookie}", "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection("127.0.0.1", self._live.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", "/byop/submit", body, {**headers, "Connection": "close"})
            response = connection.getresponse()
        if response.status == 303:
            self.answered.setdefault(nonce, set()).add(response.headers["Location"].partition("id=")[2])


def wait_for(is_so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until, f"waited {PATIENCE_SECONDS:g} s in vain: {what}"
        time.sleep(0.02)


def command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def parent_of(pid: int) -> int:
    with contextlib.suppress(OSError):
        found = re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0


def pids_of(live: Live, kind: str) -> list[int]:
    assert live.process is not None
    web = {pid: parent_of(pid) for pid in live.children() if "gunicorn" in command_of(pid)}
    if kind == "worker":
        return [pid for pid in live.children() if command_of(pid).rstrip().endswith("contentflow worker")]
    is_master = kind == "web master"
    return [pid for pid, parent in web.items() if (parent == live.process.pid) is is_master]


def kill(live: Live, kind: str) -> None:
    if kind == "parent":
        live.kill_parent()
        live.start()
        return
    wait_for(lambda: bool(pids_of(live, kind)), f"a {kind} to kill")
    with contextlib.suppress(ProcessLookupError):
        os.kill(random.choice(pids_of(live, kind)), signal.SIGKILL)


def kill_while_they_click(live: Live, crowd: Crowd, kinds: list[str]) -> None:
    for kind in kinds:
        enough = len(crowd.answered) + CLICKS_BETWEEN_KILLS
        wait_for(partial(crowd.has_answers, enough), f"clicks before killing {kind}")
        kill(live, kind)


@contextlib.contextmanager
def locked_clicks() -> Iterator[None]:
    """Let nobody write a row: clicks wait in their journals."""
    with db.engine.connect() as connection:
        if is_sqlite():
            connection.execution_options(immediate=True).execute(text("SELECT 1"))
        else:
            connection.execute(text("LOCK TABLE clicks IN ACCESS EXCLUSIVE MODE"))
        yield
        connection.rollback()


def journaled_ids() -> set[str]:
    paths = list(journal_files.folder().glob("*.journal")) if journal_files.folder().is_dir() else []
    return {found for path in paths for found in re.findall(r"\t(\w{22})\t", path.read_text())}


def kill_while_the_database_is_locked(live: Live, crowd: Crowd) -> None:
    with locked_clicks():
        wait_for(lambda: len(journaled_ids() & set(crowd.answered)) >= CLICKERS, "clicks in journals")
        kill(live, "web")
        kill(live, "worker")
        answered = set(crowd.answered)
    wait_for(lambda: answered <= rows(), "the journals to be folded")


def rows() -> set[str]:
    db.session.rollback()
    return set(db.session.scalars(select(Click.id)))


@pytest.fixture
def live(tmp_path: Path, database_url: str) -> Iterator[Live]:
    with serving(tmp_path, DATABASE_URL=database_url, HUEY_URL="", SUBMIT_PER_MINUTE="100000") as live:
        yield live


@pytest.fixture
def codes(live: Live) -> Iterator[list[str]]:
    """The codes of a post's links; this process stands in an application on the same data."""
    app = create_app(config.load({**live.environment(), "LOG_PER_MINUTE": "1000"}))
    with app.app_context():
        with transaction():
            partner = partners.add_partner("alice@example.org")
            offers.add_offer("Nova", "https://nova.example.com/?c={click_id}")
        partner_id = partner.id
        with transaction():
            post = byop.submit_post(partner_id, Draft(title="Une heure gagnée par jour", nonce="first"))
            made = [link.code for link in links.links_of(post.id).values()]
        yield made
        db.session.remove()
        dispose()


@pytest.mark.proof
def test_what_was_answered_stands_exactly_once_whatever_is_killed(live: Live, codes: list[str]) -> None:
    kinds = list(itertools.islice(itertools.cycle(VICTIMS), KILLS))

    alice = db.session.scalars(select(Partner.id)).one()
    db.session.rollback()

    with Crowd(live, codes) as crowd, Writer(live, *cookie_and_token(current_app, alice)) as writer:  # type: ignore[arg-type]
        kill_while_they_click(live, crowd, kinds[: KILLS // 2])
        kill_while_the_database_is_locked(live, crowd)
        kill_while_they_click(live, crowd, kinds[KILLS // 2 :])
    wait_for(lambda: journal_files.waiting() == 0, "the journals to be folded")

    db.session.rollback()
    made = db.session.execute(select(Click.id, Click.visitor_hash)).all()
    visitors = Counter(row.visitor_hash for row in made if row.visitor_hash is not None)
    print(f"{len(crowd.answered)} clicks answered, {len(made)} rows, {KILLS + 2} kills")
    assert len(crowd.answered) == len(set(crowd.answered))
    assert set(crowd.answered) - {row.id for row in made} == set()
    assert [visitor for visitor, times in visitors.items() if times > 1] == []
    assert journal_files.refused() == 0
    posts = db.session.execute(
        select(Submission.nonce, Submission.id).where(Submission.nonce != "first")
    ).all()
    print(f"{len(writer.answered)} posts answered, {len(posts)} rows")
    assert len(writer.answered) > 0
    assert len({post.nonce for post in posts}) == len(posts)
    assert all(
        ids == {post.id for post in posts if post.nonce == nonce} for nonce, ids in writer.answered.items()
    )
    assert len(db.session.scalars(select(Asset.id)).all()) == len(posts) + 1
