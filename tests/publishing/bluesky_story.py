"""The product and a Bluesky server on an internet of their own, both as they are, over TLS on port 443.

A script, run in network and mount namespaces of its own: ``unshare -nm python -m
tests.publishing.bluesky_story FOLDER``. Alice connects, publishes, is refreshed, disconnects, and names hosts
that are inside; what came of it is said as JSON, and judged by who started it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import certifi
from flask import Flask
from sqlalchemy import select

from attacks.browser import Browser
from contentflow import config, create_app
from contentflow.byop.models import Submission
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.publishing import bluesky_connect
from contentflow.publishing.models import Assignment, SocialAccount
from contentflow.publishing.oauth import RefreshRefused
from contentflow.publishing.tokens import decrypt_fields
from tests.factories.renders import give_clip
from tests.live import free_port, serving
from tests.namespaces import answer_names, certificate, open_addresses
from tests.publishing.bluesky_server import Bluesky
from tests.publishing.by_browser import asked_to_connect, bring_post, come_back, publish
from tests.publishing.front import Front
from tests.publishing.node_process import node

PUBLIC, PRIVATE, LOOPBACK = "93.184.216.34", "10.0.0.1", "127.0.0.1"
# Names kept for examples would be refused by the server: these are some that nobody has.
SITE = "contentflow-proof.net"
SHARE, SERVER, DIRECTORY = f"share.{SITE}", f"pds.{SITE}", "plc.directory"
HANDLE = f"alice.{SERVER}"
INSIDE = {f"inside.{SITE}": PRIVATE, f"here.{SITE}": LOOPBACK}
NAMES = {
    **{name: [PUBLIC] for name in (SHARE, SERVER, HANDLE, DIRECTORY)},
    **{name: [address] for name, address in INSIDE.items()},
    "localhost": [LOOPBACK],
}
SETTINGS = {
    "ENV": "production",
    "SECRET_KEY": "only-for-tests-of-enough-length",
    "PUBLIC_BASE_URL": f"https://{SHARE}",
    "PLATFORM_TRUSTED_ORIGINS": "",
    "MAIL_TRANSPORT": "none",
    "TRUSTED_PROXIES": "1",
}
PATIENCE_SECONDS, ALL_SECONDS = 90.0, 600

Found = TypeVar("Found")


def until(look: Callable[[], Found | None]) -> Found:
    """Look until something is found; whoever waits in vain is told what was looked for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"waited in vain in {look.__qualname__}"
        time.sleep(0.2)
    return found


@dataclass
class World:
    """``app`` is the product once more, beside the one that is served, on the same data."""

    app: Flask
    alice: Browser
    server: Bluesky
    front: Front
    did: str

    def account(self) -> SocialAccount:
        db.session.rollback()
        return db.session.scalars(select(SocialAccount)).one()

    def held(self) -> dict[str, Any]:
        return dict(decrypt_fields(self.account().oauth_json) or {})

    def brought(self, number: int) -> Submission:
        """Bring a post; the worker is done with it once it is ready."""
        sid = bring_post(self.alice, number)

        def ready() -> Submission | None:
            db.session.rollback()
            found = db.session.get_one(Submission, sid)
            return found if found.status == "ready" else None

        found = until(ready)
        db.session.expunge(found)
        db.session.rollback()
        return found

    def published(self, sid: str) -> dict[str, Any]:
        """Let a post go out; returns what became of it here and what is there."""
        code = publish(self.alice, self.account().id, sid)

        def ended() -> Assignment | None:
            db.session.rollback()
            row = db.session.scalars(select(Assignment).where(Assignment.submission_id == sid)).one()
            return None if row.state in ("scheduled", "publishing") else row

        row = until(ended)
        there = [one for one in self.server.posts(self.did) if f"/l/{code}" in one["text"]]
        return {"state": row.state, "reason": row.reason, "key": row.remote_key, "there": there}


def connect(world: World) -> dict[str, Any]:
    going = asked_to_connect(world.alice, "bluesky", HANDLE)
    come_back(world.alice, world.server.consent(going, HANDLE))
    account = world.account()
    names = ("state", "host", "handle", "remote_id", "serial")
    return {"going": going, **{name: getattr(account, name) for name in names}}


def refresh(world: World) -> dict[str, Any]:
    """Let the token be near its end before a post with a clip goes out."""
    submission, before = world.brought(2), world.held()
    give_clip(submission)
    with transaction():
        account = db.session.scalars(select(SocialAccount)).one()
        account.expires_at = clock.now() + timedelta(minutes=4)
        account.refreshed_at = clock.now() - timedelta(minutes=11)
    told = world.published(submission.id)
    after = world.held()
    turned = [name for name in ("access_token", "refresh_token") if after[name] != before[name]]
    sizes = [len(world.server.blob(world.did, one["embed"]["video"])) for one in told["there"]]
    return {**told, "turned": turned, "serial": world.account().serial, "sizes": sizes}


def disconnect(world: World) -> dict[str, Any]:
    """Disconnect, then use the tokens once more as whoever had kept them."""
    held = world.held()
    world.alice.post("/partner/accounts/disconnect", account=world.account().id)

    def told_there() -> SocialAccount | None:
        account = world.account()
        return account if account.state == "disconnected" and account.revoke_json is None else None

    account, refused = until(told_there), ""
    db.session.rollback()
    try:
        bluesky_connect.refresh(held)
    except RefreshRefused as refusal:
        refused = str(refusal)
    return {"state": account.state, "refused": refused}


def refuse(world: World, host: str) -> dict[str, Any]:
    """Name a host inside; whoever is not guarded gets there, and is answered."""
    before = len(world.front.arrivals)
    asked = world.alice.post("/partner/accounts/connect", platform="bluesky", host=host)
    place = asked.place.partition("#")[0]

    def refused() -> str | None:
        page = world.alice.get(place).text
        return page if 'data-state="refused"' in page else None

    page = until(refused)
    guarded = [one for one in world.front.arrivals[before:] if one != PUBLIC]
    status = Browser(f"https://{host}").get("/xrpc/_health").status
    unguarded = [one for one in world.front.arrivals[before:] if one != PUBLIC]
    return {"page": page, "guarded": guarded, "status": status, "unguarded": unguarded}


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """Open the internet and all that is on it; Alice has an account there, and is logged in here."""
    open_addresses((PUBLIC, PRIVATE))
    answer_names(lambda name: NAMES.get(name.lower(), []), folder)
    pem = certificate((f"*.{SITE}", f"*.{SERVER}", DIRECTORY), folder)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    # Node and the browser trust whom the product does.
    os.environ |= {"SSL_CERT_FILE": certifi.where(), "NODE_EXTRA_CA_CERTS": certifi.where()}
    ports = {name: free_port() for name in (SERVER, DIRECTORY)}
    asked = {"hostname": SERVER, "port": ports[SERVER], "plc": ports[DIRECTORY], "folder": str(folder)}
    front = Front(pem, (PUBLIC, PRIVATE, LOOPBACK), lambda host: ports.get(host, ports[SERVER]))
    with (
        node("public_bluesky.mjs", asked, folder),
        serving(folder / "data", **SETTINGS) as live,
    ):
        ports[SHARE] = live.port
        live.run("partner", "add", "alice@example.org")
        live.run("offer", "add", "Nova", "https://nova.example.com/?c={click_id}")
        server, alice = Bluesky(f"https://{SERVER}", ports[SERVER]), Browser(f"https://{SHARE}")
        did = server.sign_up(HANDLE)
        alice.log_in(live.run("partner", "login-link", "alice@example.org")["url"])
        app = create_app(config.load(live.environment()))
        with app.app_context():
            try:
                yield World(app, alice, server, front, did)
            except BaseException:
                for one in front.passed:
                    if "?request=" not in one.path:  # Pages that were only looked at again.
                        print(one.method, one.host, one.path, one.status, one.told, file=sys.stderr)
                raise


def main(folder: Path) -> None:
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("the story took too long"))
    signal.alarm(ALL_SECONDS)
    with opened(folder) as world:
        told = {
            "did": world.did,
            "connected": connect(world),
            "words": world.published(world.brought(1).id),
            "refreshed": refresh(world),
            "disconnected": disconnect(world),
            "refused": {host: refuse(world, host) for host in INSIDE},
            "document": json.loads(world.alice.get("/oauth/client-metadata.json").text),
            "passed": [asdict(one) for one in world.front.passed],
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
