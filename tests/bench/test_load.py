"""The load generator counts what it was answered, and the floors and figures are what they say."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from bench import bare, pages, processes, redirect
from bench.load import Load, Outcome, Visitors, is_whole, run
from bench.servers import Round
from contentflow import bench as filling
from contentflow.config import ROOT, settings
from contentflow.core.db import db, transaction
from contentflow.links.models import Link

ANSWER = b"HTTP/1.1 302 FOUND\r\nContent-Length: 2\r\n\r\nok"


class Echo:
    """Answers each request on each connection in two pieces, and hangs up after ``max_requests`` of them."""

    def __init__(self, max_requests: int = 1_000_000) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._max_requests = max_requests
        self.port: int = self._door.getsockname()[1]
        self.requests: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            for _ in range(self._max_requests):
                got = client.recv(65_536)
                if not got:
                    return
                self.requests.append(got)
                client.sendall(ANSWER[:30])
                client.sendall(ANSWER[30:])

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


def test_every_request_is_counted_once_it_is_answered_whole(echo: Echo) -> None:
    outcome = run(Load(echo.port, ["/l/AbCdEf7"], seconds=0.2, connections=4))

    assert outcome.answered == len(echo.requests) > 4
    assert outcome.statuses == {302: outcome.answered}
    assert outcome.broken == 0
    assert 0 < outcome.p50 <= outcome.p99
    assert outcome.rate == pytest.approx(outcome.answered / outcome.seconds)


def test_a_server_that_hangs_up_is_asked_on_a_new_connection() -> None:
    echo = Echo(max_requests=3)

    outcome = run(Load(echo.port, ["/"], seconds=0.2, connections=2))

    echo.close()
    assert outcome.answered > 6
    # The next request may be on its way when the server hangs up: it is told, and not counted as answered.
    assert outcome.answered + outcome.broken >= len(echo.requests)


def test_visitors_differ_in_address_and_agent_and_ask_for_the_first_most_often() -> None:
    visitors = Visitors(Load(0, ["/first", "/second", "/third"], 1, is_zipf=True, headers={"Cookie": "a=b"}))

    asked = [visitors.next().decode() for _ in range(3_000)]

    addresses = {line for one in asked for line in one.split("\r\n") if line.startswith("X-Forwarded-For")}
    agents = {line for one in asked for line in one.split("\r\n") if line.startswith("User-Agent")}
    times = [sum(f"GET {path} " in one for one in asked) for path in ("/first", "/second", "/third")]
    assert len(addresses) > 2_900
    assert len(agents) == 150
    assert times[0] > times[1] > times[2]
    assert all("\r\nCookie: a=b\r\n" in one and one.endswith("\r\n\r\n") for one in asked)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (b"HTTP/1.1 302 FOUND\r\nLocation: /", False),
        (ANSWER[:-1], False),
        (ANSWER, True),
        (b"HTTP/1.1 302 FOUND\r\ncontent-length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
    ],
)
def test_an_answer_is_whole_with_its_last_byte(got: bytes, expected: bool) -> None:
    assert is_whole(got) is expected


def test_work_of_children_is_counted() -> None:
    spin = "import time\nuntil = time.process_time() + 0.3\nwhile time.process_time() < until: pass\ninput()"
    shell = [
        sys.executable,
        "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}])",
    ]
    with subprocess.Popen(shell, stdin=subprocess.PIPE) as process:
        while (worked := processes.worked(process.pid)) < 0.25:
            assert process.poll() is None
        sizes = [processes.memory_mb(pid) for pid in processes.tree(process.pid)]
        process.communicate(b"\n")

    assert worked >= 0.25
    assert len(sizes) == 2
    assert all(size > 1 for size in sizes)
    assert processes.memory_mb(2**22) == 0.0
    assert "python" in processes.command_of(os.getpid())


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    def a_round(rate: int) -> Round:
        return Round(Outcome(rate, 1.0, 1.0, 2.0, 0.1, 0, {302: rate}), 0.5)

    ours, theirs = [a_round(rate) for rate in (10, 20, 90)], [a_round(rate) for rate in (20, 20, 30)]

    assert redirect.ratio(ours, theirs, lambda one: one.outcome.rate) == 1.0


def test_the_bare_page_makes_as_many_statements_as_it_is_asked_to(app) -> None:
    floor = bare.pages(settings())
    with floor.app_context(), transaction():
        bare.BARE.create(db.session.connection())
        db.session.execute(bare.BARE.insert(), [{"words": "x"}])

    with pages.counted() as statements:
        answer = floor.test_client().get("/7/1,20")

    with floor.app_context():
        assert db.session.scalar(select(func.count()).select_from(bare.BARE)) == 22
        with transaction():
            bare.BARE.drop(db.session.connection())
        for engine in db.engines.values():
            engine.dispose()
    assert answer.status_code == 200
    assert (statements.reads, statements.writes) == (7, [1, 20])


def test_links_are_filled_in_under_codes_of_their_own(app, alices_post) -> None:
    before = db.session.scalar(select(func.count()).select_from(Link))

    filling.fill_links(250)

    found = db.session.scalars(select(Link).where(Link.variant != "")).all()
    assert db.session.scalar(select(func.count()).select_from(Link)) == before + 250
    assert {link.code for link in found} == {f"{number:07}" for number in range(250)}
    assert {link.submission_id for link in found} == {alices_post.id}


def test_every_measure_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    for name in ("all", "redirect", "pages", "reports", "mail", "starts", "memory"):
        assert f"\n  {name} " in done.stdout
