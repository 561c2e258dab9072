"""The worker is killed again and again, also between Brevo's answer and our commit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from contentflow.core.db import db
from contentflow.mailing.models import Delivery
from tests.conftest import BASE_ENV
from tests.mailing.letters import share
from tests.mailing.standin_brevo import Brevo, wait_until

pytestmark = pytest.mark.proof

KILLS = int(os.environ.get("MAIL_KILLS", "20"))
BATCH = 60
FEW = 30
PATIENCE_SECONDS = 60.0


class Worker:
    """A real ``contentflow worker``, started again whenever it was killed."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
        self._environ, self._folder = {**kept, **environ}, folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "worker.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "contentflow", "worker"],
                env=self._environ,
                cwd=Path(__file__).parents[2],
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)

    def is_dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


@pytest.fixture
def brevo() -> Iterator[Brevo]:
    standin = Brevo()
    standin.delay_seconds = 0.03
    yield standin
    standin.close()


@pytest.fixture
def environ(brevo: Brevo, tmp_path: Path, database_url: str) -> dict[str, str]:
    return {
        **BASE_ENV,
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": database_url,
        "BREVO_API_KEY": "key",
        "BREVO_API_URL": brevo.url,
        "LEASE_SECONDS": "5",
        "MAIL_RETRY_SECONDS": "1,1,1,1",
        "SHARE_EMAIL_UNDO_SECONDS": "0",
        "SHARE_EMAIL_DAILY_LIMIT": "100000",  # a quick machine sends more than a day's before the last kill
    }


@pytest.fixture
def app(environ, make_app):
    app = make_app(**environ)
    with app.app_context():
        yield app


@pytest.fixture
def worker(environ, tmp_path) -> Iterator[Worker]:
    worker = Worker(environ, tmp_path)
    yield worker
    worker.end()


def count_of(*states: str) -> int:
    db.session.rollback()
    counted = select(func.count()).select_from(Delivery).where(Delivery.state.in_(states))
    return db.session.scalar(counted) or 0


def kill_right_after_an_answer(brevo: Brevo, worker: Worker, answers: int) -> None:
    """Let the stand-in kill the worker that it has just answered, the ``answers``-th time."""
    left = Counter({"answers": answers})

    def after_answer(key: str) -> None:
        with brevo.lock:
            left["answers"] -= 1
            if left["answers"] == 0:
                worker.kill()

    brevo.after_answer = after_answer


def kill_at_any_moment(brevo: Brevo, worker: Worker) -> None:
    calls = len(brevo.calls)
    assert wait_until(lambda: len(brevo.calls) > calls, PATIENCE_SECONDS)
    time.sleep(random.uniform(0, 0.2))
    worker.kill()


def test_no_mail_is_sent_twice_or_forgotten_however_often_its_worker_dies(
    app, brevo, worker, alice, alices_post
) -> None:
    people = (f"reader{number}@example.org" for number in range(1_000_000))
    queued: list[str] = []

    for number in range(KILLS):
        if count_of("queued") < FEW:
            batch = [next(people) for _ in range(BATCH)]
            assert share(alice.id, alices_post.id, batch).verdicts == ["queued"] * BATCH
            queued += batch
        if number % 2 == 0:
            kill_right_after_an_answer(brevo, worker, random.randint(1, 8))
            worker.start()
        else:
            worker.start()
            kill_at_any_moment(brevo, worker)
        assert wait_until(worker.is_dead, PATIENCE_SECONDS)
        brevo.after_answer = lambda key: None
    worker.start()
    assert wait_until(lambda: count_of("queued", "sending") == 0, PATIENCE_SECONDS)

    assert brevo.readers() == Counter(queued)
    # Some did die between the answer and the commit: what Brevo then says of their key proves no “sent”.
    asked_again = sum(tries > 1 for tries in brevo.tries.values())
    assert count_of("sent") + count_of("unknown") == len(queued)
    assert count_of("unknown") <= asked_again
    assert asked_again or KILLS < 5
