"""Two hosts of one programme: a DATA_DIR and a ``serve`` each, one PostgreSQL, one bucket, one Redis.

Whatever a person does at one is there at the other; one that dies leaves its work to the other.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select, text

from attacks.browser import Browser
from contentflow import config, create_app
from contentflow.core.db import db, dispose, transaction
from contentflow.links.models import Click, Link
from contentflow.mailing.models import Delivery
from contentflow.pipeline.bucket_upkeep import MARK, TRIAL
from contentflow.pipeline.models import Asset
from tests.factories.bucket import Between
from tests.live import Live, free_port
from tests.pipeline.films import film
from tests.proof.test_faults import redis

pytestmark = pytest.mark.proof

CAP, LEASE_SECONDS, CLICKS = 12, 5, 60
PATIENCE_SECONDS = 60.0


@pytest.fixture
def hosts(tmp_path: Path, database_url: str, shared: Between) -> Iterator[tuple[Live, Live]]:
    if not shutil.which("redis-server"):
        pytest.skip("wants Redis")
    broker = free_port()
    own = {
        "SECRET_KEY": secrets.token_urlsafe(32),
        "PUBLIC_BASE_URL": "http://share.example.org",
        "DATABASE_URL": database_url,
        "HUEY_URL": f"redis://127.0.0.1:{broker}/0",
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "SHARE_EMAIL_DAILY_LIMIT": str(CAP),
        "TRUSTED_PROXIES": "1",
        **shared.settings,
    }
    a, b = (Live(tmp_path / name, own) for name in "ab")
    with redis(broker):
        try:
            starting = [threading.Thread(target=host.start, args=("--workers", "1")) for host in (a, b)]
            for thread in starting:
                thread.start()
            for thread in starting:
                thread.join()
            yield a, b
        finally:
            for host in (a, b):
                host.stop()


def at(host: Live, there: Browser | None = None) -> Browser:
    """A browser at this host, with the session that it has at another."""
    here = Browser(host.url)
    if there is not None:
        here.headers, here.token = {"Cookie": there.cookies()}, there.token
    return here


def press(browser: Browser, path: str, **fields: str) -> int:
    """Press a form as a browser behind the programme's own name does."""
    body = urlencode({"csrf_token": browser.token, **fields}).encode()
    return browser.ask("POST", path, body).status


def until(what: Callable[[], object], said: str, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def worker_of(host: Live) -> int:
    for pid in host.children():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").endswith(b"contentflow\0worker"):
                return pid
    raise AssertionError("this host has no worker")


@contextlib.contextmanager
def without_worker(host: Live) -> Iterator[None]:
    pid = worker_of(host)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def the(asset_id: str) -> Asset:
    db.session.rollback()
    return db.session.get_one(Asset, asset_id)


def due_now(asset_id: str) -> None:
    """What waits a third of a minute for the bucket need not do so here."""
    with transaction():
        db.session.execute(text("UPDATE assets SET next_attempt_at = NULL WHERE id = :id"), {"id": asset_id})


def send(first: Browser, second: Browser, content: bytes, title: str) -> str:
    """Send a video in two parts to two hosts, and its form to the second; return the post."""
    about = {"name": f"{title}.mp4", "size": str(len(content)), "modified": "1", "csrf_token": first.token}
    part = json.loads(first.ask("POST", "/byop/part/begin", urlencode(about).encode()).text)["id"]
    half, sent = len(content) // 2, {"X-CSRFToken": first.token, "Content-Type": "video/mp4"}
    for host, at, piece in ((first, 0, content[:half]), (second, half, content[half:])):
        said = host.ask("POST", f"/byop/part?id={part}&at={at}", piece, sent)
        assert json.loads(said.text)["at"] == at + len(piece)
    form = {"csrf_token": first.token, "part": part, "title": title, "nonce": secrets.token_hex(8)}
    answer = second.ask("POST", "/byop/submit", urlencode(form).encode())
    assert answer.status == 303, re.findall(r"(?:error|alert)[^>]*>([^<]+)", answer.text)
    return answer.named("id")


def click(host: Live, code: str, number: int) -> bool:
    visitor = {
        "X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}",
        "User-Agent": f"Mozilla/5.0 (X11; Linux x86_64; rv:{100 + number}.0) Gecko/20100101 Firefox/140.0",
    }
    return at(host).get(f"/l/{code}", visitor).status == 302


def counted() -> dict[str, int]:
    db.session.rollback()
    found = db.session.execute(select(Click.verdict, func.count()).group_by(Click.verdict))
    return {verdict: number for verdict, number in found}


def test_two_hosts_keep_the_promises_of_one(hosts: tuple[Live, Live], shared: Between, tmp_path: Path):
    a, b = hosts
    a.run("partner", "add", "alice@example.org")
    a.run("offer", "add", "Nova", "https://nova.example.com/?c={click_id}")
    films = [film(tmp_path / f"{n}.mp4", seconds=1 + n, size="320x180").read_bytes() for n in range(2)]
    here = at(a)
    here.log_in(a.run("partner", "login-link", "alice@example.org")["url"])
    there = at(b, here)
    app = create_app(config.load(a.environment()))
    with app.app_context():
        # A video whose halves came to two hosts is rendered by the other one's worker, and seen at both.
        with without_worker(a):
            post_id = send(there, here, films[0], "first")
            asset_id = db.session.scalars(select(Asset.id)).one()
            until(lambda: the(asset_id).state == "ready", "the other host's worker rendered nothing")
        clips = [each.get(f"/byop/clip?id={post_id}") for each in (here, there)]
        assert [clip.status for clip in clips] == [200, 200]
        assert clips[0].text == clips[1].text and len(clips[0].text) > 1_000
        assert press(there, "/byop/approve", sid=post_id) == 303
        codes = {link.channel: link.code for link in db.session.scalars(select(Link))}
        public = f"/p/{codes['copy']}/clip.mp4"
        ranges = [at(host).get(public, {"Range": "bytes=0-99"}) for host in hosts]
        assert [answer.status for answer in ranges] == [206, 206]

        # Clicks at both hosts at once are each counted once, and one visitor of both is one.
        with ThreadPoolExecutor(8) as crowd:
            clicks = [(hosts[n % 2], codes["whatsapp"], n) for n in range(CLICKS)]
            assert all(crowd.map(lambda one: click(*one), clicks))
        assert click(b, codes["whatsapp"], 0) and click(a, codes["whatsapp"], 1)
        until(lambda: counted() == {"valid": CLICKS, "duplicate": 2}, "the clicks were not all counted once")

        # The cap is one cap.
        def mail(number: int) -> int:
            emails = "\n".join(f"r{number}-{one}@example.org" for one in range(3))
            fields = {"sid": post_id, "emails": emails, "consent": "1", "nonce": f"m{number}"}
            return press((here, there)[number % 2], "/byop/email", **fields)

        with ThreadPoolExecutor(8) as crowd:
            answers = sorted(crowd.map(mail, range(8)))
        assert answers == [303] * (CAP // 3) + [429] * (8 - CAP // 3)
        assert db.session.scalar(select(func.count()).where(Delivery.kind == "share")) == CAP

        # A host that dies leaves its render to the other, and its clicks stand once it is back.
        with without_worker(a):
            send(here, there, films[1], "second")
            second = db.session.scalars(select(Asset.id).where(Asset.id != asset_id)).one()
            until(lambda: the(second).step != "", "nobody began the second video")
            assert click(b, codes["x"], 1)
            b.kill_parent()
        until(lambda: the(second).state == "ready", "nobody took the dead host's video over")
        assert the(second).attempts == 2
        b.start("--workers", "1")
        until(lambda: counted()["valid"] == CLICKS + 1, "the dead host's click was lost")

        # A bucket that is away is said, and what waits for it loses no try.
        shared.be("reset")
        refused = here.get(f"/byop/clip?id={post_id}")
        assert refused.status == 503 and "Retry-After" in refused.head
        assert here.get(f"/byop/kit?id={post_id}").status == 200
        assert press(here, "/byop/retry", sid=post_id) == 303
        until(lambda: the(asset_id).next_attempt_at is not None, "the render does not wait for the bucket")
        assert the(asset_id).attempts == 0
        shared.be("")

        def is_rendered_again() -> bool:
            due_now(asset_id)
            time.sleep(1)
            return the(asset_id).state == "ready"

        until(is_rendered_again, "the render did not go on once the bucket was back")
        assert press(here, "/byop/approve", sid=post_id) == 303

        # Erased at one, gone from the bucket and from the other.
        until(lambda: at(b).get(public).status == 200, "the clip is not public again")
        assert press(here, "/partner/erase", confirm="ERASE") == 303
        # A host that started as the bucket went away could not take back what it tried it with.
        assert [key for key in shared.keys if key != MARK and not key.startswith(f"{TRIAL}/")] == []
        assert [at(host).get(public).status for host in hosts] == [410, 410]
        assert there.get("/partner/portal").status == 303
        for host in hosts:
            left = [path for path in host.data_dir.rglob("*") if path.suffix in (".mp4", ".jpg", ".vtt")]
            assert left == []
            log = host.log.read_text()
            assert shared.settings["AWS_SECRET_ACCESS_KEY"] not in log and "AKIA" not in log
        db.session.remove()
        dispose()
