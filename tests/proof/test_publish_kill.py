"""A post stands once on the account, however often the worker is killed while it goes out."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from attacks.browser import Browser
from tests.live import Live, serving
from tests.proof.cluster import Cluster
from tests.proof.traffic import SETTINGS
from tests.publishing.bluesky_server import bluesky
from tests.publishing.by_browser import asked_to_connect, bring_post, come_back, publish
from tests.publishing.cutting import Cutting
from tests.publishing.mastodon_server import MastodonServer, mastodon
from tests.publishing.node_process import NODE

POSTS = int(os.environ.get("PUBLISH_POSTS", "6"))
KILLS = int(os.environ.get("PUBLISH_KILLS", "8"))
FALLS = int(os.environ.get("PUBLISH_FALLS", "3"))
AWAY_SECONDS = float(os.environ.get("PUBLISH_AWAY_SECONDS", "10"))

pytestmark = pytest.mark.proof


def kill_worker(live: Live) -> None:
    for pid in live.children():
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and b"worker" in command.read_bytes() and b"gunicorn" not in command.read_bytes():
            os.kill(pid, signal.SIGKILL)


def connected_to_mastodon(alice: Browser, proxy: Cutting) -> str:
    going = asked_to_connect(alice, "mastodon", proxy.host)
    state = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(going).query))["state"]
    return come_back(alice, f"/partner/accounts/callback/mastodon?state={state}&code=mockcode_testuser")


def kill_all(live: Live) -> None:
    pids = live.children()
    live.kill_parent()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def contents(server: MastodonServer) -> list[str]:
    """Return the text of every public post, the newest first."""
    url = f"{server.origin}/api/v1/timelines/public?limit=40"
    found: list[dict[str, str]] = []
    while True:
        older = f"&max_id={found[-1]['id']}" if found else ""
        with urllib.request.urlopen(url + older, timeout=20) as answer:
            page = json.loads(answer.read())
        if not page:
            return [str(one["content"]) for one in found]
        found += page


CHOSEN = {
    **SETTINGS,
    "LEASE_SECONDS": "5",
    "PUBLISH_RETRY_SECONDS": "1,2,5",
    "PUBLISH_TIMEOUT_SECONDS": "5",
    "PUBLISH_PER_DAY": "500",
}


@contextmanager
def programme(folder: Path, **settings: str) -> Iterator[tuple[Live, Browser]]:
    """A running programme, and Alice in her browser."""
    with serving(folder / "data", **CHOSEN, **settings) as live:
        live.run("partner", "add", "alice@example.org")
        live.run("offer", "add", "Nova", "https://nova.example.com/?c={click_id}")
        alice = Browser(live.url)
        alice.log_in(live.run("partner", "login-link", "alice@example.org")["url"])
        yield live, alice


def publish_and_kill(live: Live, alice: Browser, account: str, proxy: Cutting) -> list[str]:
    """Publish posts, kill the worker at random moments, lose answers; returns the short codes at the end."""
    chance = random.Random(os.environ.get("PUBLISH_SEED", "7"))
    slow = iter(range(10**6))
    proxy.plan = lambda method, path: time.sleep(0.2) or ("cut" if next(slow) % 7 == 3 else "")
    codes = []
    for number in range(POSTS):
        codes.append(publish(alice, account, bring_post(alice, number)))
        if number < KILLS:
            time.sleep(chance.random())
            kill_worker(live)
    for _ in range(KILLS - POSTS):
        time.sleep(chance.random() * 3)
        kill_worker(live)
    proxy.plan = lambda method, path: ""
    wait_until_ended(live)
    return codes


def wait_until_ended(live: Live) -> None:
    until = time.monotonic() + 240
    while open_ := [
        one for one in live.run("assignment", "list") if one["state"] in ("scheduled", "publishing")
    ]:
        assert time.monotonic() < until, open_
        time.sleep(2)


def assert_each_once(live: Live, codes: list[str], there: list[str], what: str = f"{KILLS} kills") -> None:
    states = [one["state"] for one in live.run("assignment", "list")]
    times = [sum(f"/l/{code}" in text for text in there) for code in codes]
    print(f"{len(codes)} posts, {what}: {states.count('published')} published, there {Counter(times)}")
    assert times == [1] * len(codes)
    assert states == ["published"] * len(codes)


def test_a_worker_that_is_killed_again_and_again_publishes_each_post_once(tmp_path: Path) -> None:
    with mastodon(tmp_path) as server:
        proxy = Cutting("127.0.0.1", server.port)
        with programme(tmp_path, PLATFORM_TRUSTED_ORIGINS=proxy.origin) as (live, alice):
            account = connected_to_mastodon(alice, proxy)

            codes = publish_and_kill(live, alice, account, proxy)

            assert_each_once(live, codes, contents(server))
        proxy.close()


def test_a_programme_that_is_killed_whole_publishes_each_post_once(tmp_path: Path) -> None:
    """Parent, pages and worker at once, at a random moment of a publication, and started again."""
    chance = random.Random(os.environ.get("PUBLISH_SEED", "7"))
    with mastodon(tmp_path) as server:
        proxy = Cutting("127.0.0.1", server.port)
        with programme(tmp_path, PLATFORM_TRUSTED_ORIGINS=proxy.origin) as (live, alice):
            account = connected_to_mastodon(alice, proxy)
            proxy.plan = lambda method, path: time.sleep(0.2) or ""
            codes = []
            for number in range(FALLS):
                codes.append(publish(alice, account, bring_post(alice, number)))
                time.sleep(chance.random())
                kill_all(live)
                live.start()

            wait_until_ended(live)

            assert_each_once(live, codes, contents(server), f"killed whole {FALLS} times")
        proxy.close()


def test_a_database_that_is_away_loses_and_doubles_nothing(tmp_path: Path, cluster: Cluster) -> None:
    chance = random.Random(os.environ.get("PUBLISH_SEED", "7"))
    with mastodon(tmp_path) as server:
        proxy = Cutting("127.0.0.1", server.port)
        own = {"PLATFORM_TRUSTED_ORIGINS": proxy.origin, "DATABASE_URL": cluster.url}
        with programme(tmp_path, **own) as (live, alice):
            account = connected_to_mastodon(alice, proxy)
            proxy.plan = lambda method, path: time.sleep(0.5) or ""
            codes = []
            for number in range(POSTS):
                codes.append(publish(alice, account, bring_post(alice, number)))
                if number == POSTS // 2:
                    time.sleep(chance.random())
                    cluster.stop()
                    time.sleep(AWAY_SECONDS)
                    cluster.start()
                    live.wait_until_ready()

            wait_until_ended(live)

            what = f"the database away for {AWAY_SECONDS:g} s"
            assert_each_once(live, codes, contents(server), what)
        proxy.close()


@pytest.mark.skipif(not NODE.is_dir(), reason="tests/publishing/peers/install was not run")
def test_so_it_is_on_a_real_bluesky_server(tmp_path: Path) -> None:
    with bluesky(tmp_path) as server:
        did = server.sign_up("alice.pds.fr")
        urls = {"BLUESKY_APPVIEW_URL": server.origin, "PLC_URL": server.directory}
        with programme(tmp_path, BLUESKY_URL=server.origin, **urls) as (live, alice):
            going = asked_to_connect(alice, "bluesky", "alice.pds.fr")
            account = come_back(alice, server.consent(going, "alice.pds.fr"))

            codes = publish_and_kill(live, alice, account, server.proxy)

            assert_each_once(live, codes, [str(one["text"]) for one in server.posts(did)])
