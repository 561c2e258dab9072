"""A disk that takes no click sends every visitor on, says so, and goes on once there is room again."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from contentflow import config, create_app
from contentflow.byop import services as byop
from contentflow.byop.services import Draft
from contentflow.core.db import db, dispose, transaction
from contentflow.links import services as links
from contentflow.links.models import Click
from contentflow.offers import services as offers
from contentflow.partners import services as partners
from tests.live import Live, serving

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0"


def wait_for(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def clicked(live: Live, code: str, number: int) -> str:
    """Return the id of the click that a visitor's redirect names."""
    with closing(http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)) as connection:
        connection.request("GET", f"/l/{code}", headers={"User-Agent": AGENT.format(number, number)})
        response = connection.getresponse()
    assert response.status == 302
    return response.headers["Location"].partition("c=")[2]


def kept() -> set[str]:
    db.session.rollback()
    return set(db.session.scalars(select(Click.id)))


@pytest.fixture
def live(tmp_path: Path, database_url: str) -> Iterator[Live]:
    """A product whose journals lie on a small disk of their own."""
    journal = tmp_path / "journal"
    journal.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(journal)], check=False)
    if done.returncode:
        pytest.skip("only root may mount a disk")
    try:
        with serving(tmp_path, DATABASE_URL=database_url, HUEY_URL="") as live:
            yield live
    finally:
        subprocess.run(["umount", "-l", str(journal)], check=True)


@pytest.fixture
def code(live: Live) -> Iterator[str]:
    app = create_app(config.load(live.environment()))
    with app.app_context():
        with transaction():
            partner_id = partners.add_partner("alice@example.org").id
            offers.add_offer("Nova", "https://nova.example.com/?c={click_id}")
        with transaction():
            post = byop.submit_post(partner_id, Draft(title="Une heure gagnée", nonce="first"))
            code = links.links_of(post.id)["x"].code
        yield code
        db.session.remove()
        dispose()


@pytest.mark.proof
def test_a_full_disk_sends_visitors_on_and_is_told(live: Live, code: str) -> None:
    before = {clicked(live, code, number) for number in range(100, 110)}
    wait_for(lambda: before <= kept())
    filler = live.data_dir / "journal" / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(bytes(4096))

    for number in range(110, 150):
        clicked(live, code, number)
    assert live.status("/readyz") == 503

    filler.unlink()
    wait_for(lambda: clicked(live, code, 200) != "" and live.status("/readyz") == 200)
    after = {clicked(live, code, number) for number in range(150, 160)}
    wait_for(lambda: after <= kept())


@pytest.mark.proof
def test_a_disk_that_may_only_be_read_sends_visitors_on_and_is_told(live: Live, code: str) -> None:
    before = clicked(live, code, 100)
    wait_for(lambda: before in kept())
    time.sleep(12)  # The open file ends.
    journal = str(live.data_dir / "journal")
    wait_for(lambda: not subprocess.run(["mount", "-o", "remount,ro", journal], check=False).returncode)

    for number in range(110, 120):
        clicked(live, code, number)
    assert live.status("/readyz") == 503

    subprocess.run(["mount", "-o", "remount,rw", journal], check=True)
    wait_for(lambda: clicked(live, code, 200) in kept() or live.status("/readyz") == 200)
    after = clicked(live, code, 201)
    wait_for(lambda: after in kept())


@pytest.mark.proof
def test_a_process_that_sleeps_keeps_its_journal_and_goes_on_with_it(live: Live, code: str) -> None:
    first = {clicked(live, code, number) for number in range(100, 108)}
    workers = [pid for pid in live.children() if "gunicorn" in _command(pid)][1:]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: first <= kept())
        time.sleep(float(os.environ.get("SLEEP_SECONDS", "13")))  # Longer than a file is written to.
        assert list((live.data_dir / "journal").glob("*.journal"))
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)

    second = {clicked(live, code, number) for number in range(110, 118)}
    wait_for(lambda: first | second <= kept())
    assert len(kept()) == 16


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
