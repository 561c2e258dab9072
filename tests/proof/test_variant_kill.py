"""Presses of a post's two versions and the clicks that they draw stand once each, whatever is killed."""

from __future__ import annotations

import os
import re
import signal
import time
from html import unescape
from pathlib import Path

import pytest

from attacks.browser import Browser
from tests.live import Live, serving
from tests.proof.traffic import SETTINGS

ROUNDS = 6
PERSON = "Mozilla/5.0 (X11; Linux x86_64) Visitor/{}"

pytestmark = pytest.mark.proof


def kill_web(live: Live) -> None:
    for pid in live.children():
        status = Path(f"/proc/{pid}/status").read_text()
        is_web = b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()
        if is_web and f"PPid:\t{live.process.pid}\n" not in status:
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 30
    while live.status("/readyz") != 200:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_kill_between_press_and_click_leaves_the_sums_exact(tmp_path: Path, database_url: str) -> None:
    with serving(tmp_path, DATABASE_URL=database_url, HUEY_URL="", **SETTINGS) as live:
        live.run("partner", "add", "alice@example.org")
        live.run("offer", "add", "Nova", "https://nova.example.com/?c={click_id}")
        alice = Browser(live.url)
        alice.log_in(live.run("partner", "login-link", "alice@example.org")["url"])
        sid = alice.post("/byop/submit", title="Une heure gagn\u00e9e", nonce="first").named("id")
        assert (
            alice.post("/byop/variants", sid=sid, hook="Tu perds du temps ?", cover="0", nonce="b").status
            == 303
        )
        clicked: dict[str, str] = {}
        for number in range(ROUNDS):
            page = unescape(alice.get(f"/byop/kit?id={sid}").text)
            turn = re.search(r'data-turn="([^"]+)"', page)
            code = re.search(r"/l/(\w{7})", page[page.index('id="share-text"') :])
            assert turn and code
            assert alice.post("/byop/log", sid=sid, ch="copy", turn=turn[1]).status == 303
            kill_web(live)
            person = {"User-Agent": PERSON.format(number)}
            while (answer := Browser(live.url).get(f"/l/{code[1]}", person)).status == 0:
                time.sleep(0.05)
            assert answer.status == 302
            clicked[answer.place.partition("c=")[2]] = code[1]
            kill_web(live)

        until = time.monotonic() + 60
        while len(alice.export()["clicks"]) < ROUNDS and time.monotonic() < until:
            time.sleep(0.2)
        held = alice.export()
        page = alice.get(f"/byop/variants?id={sid}").text

    assert {click["id"]: click["code"] for click in held["clicks"]} == clicked
    assert sorted(entry["turn"] for entry in held["share_logs"]) == list(range(1, ROUNDS + 1))
    shown = {code: link["variant"] for link in held["links"] for code in [link["code"]]}
    drawn = [shown[code] for code in clicked.values()]
    table = re.findall(r'data-variant="(\w)" data-presses="(\d+)" data-valid="(\d+)"', page)
    assert table == [
        ("a", str(drawn.count("")), str(drawn.count(""))),
        ("b", str(drawn.count("b")), str(drawn.count("b"))),
    ]
