"""Google's upload protocol: our uploader against an emulator of theirs, their client against our stand-in.

And what we send, and what our stand-in answers, against the static description that their client ships.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask

from contentflow.core.db import db, transaction
from contentflow.publishing import accounts, youtube, youtube_connect
from contentflow.publishing.models import SocialAccount
from contentflow.publishing.oauth import Connected
from tests.factories.posts import PostFactory
from tests.factories.renders import give_clip
from tests.house import browser, log_in, run_work
from tests.publishing import discovery
from tests.publishing.conftest import confirm, once, row_of, work_for
from tests.publishing.cutting import Cutting
from tests.publishing.discovery import PYTHON
from tests.publishing.google_server import CLIENT, GoogleServer
from tests.publishing.node_process import PEERS
from tests.publishing.storage_server import StorageServer, storage

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not PYTHON.exists(), reason="tests/publishing/peers/install was not run"),
]

TEXT = "Publicité\nUne heure gagnée\nhttps://share.example.org/l/abc123\n#ia #ad"
# Over two chunks of the real size, and no whole number of them.
SIZE = 2 * youtube.CHUNK_BYTES + 700_000


# Our uploader against the emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    with storage(tmp_path_factory.mktemp("storage")) as running:
        yield running


def an_account(app: Flask, access: str = "access") -> SocialAccount:
    from tests.factories.offers import OfferFactory
    from tests.factories.partners import PartnerFactory

    OfferFactory()
    alice = PartnerFactory(email="alice@example.org")
    held = {"access_token": access, "refresh_token": "refresh"}
    connected = Connected(
        host="youtube.com", remote_id="UCalice", handle="Alice", scope="youtube.upload", tokens=held
    )
    with transaction():
        account = accounts.keep(alice.id, "youtube", connected)
        account.expires_at = None
    return account


@pytest.mark.parametrize("what", ["", "cut", "late", "reset", "middle", "503", "broken"])
def test_our_uploader_sends_every_byte_once_over_every_fault(
    make_app: Callable[..., Flask], emulator: StorageServer, what: str
) -> None:
    proxy = Cutting("127.0.0.1", emulator.port, keeps_host=True)
    app = make_app(
        YOUTUBE_CLIENT_ID="x", YOUTUBE_CLIENT_SECRET="y", YOUTUBE_AUDITED="true", YOUTUBE_API_URL=proxy.origin
    )
    before = emulator.names
    try:
        with app.app_context():
            account = an_account(app)
            alices = PostFactory(partner_id=account.partner_id, title="Une heure gagnée", hashtags="#ia")
            give_clip(alices, size=SIZE)
            client = log_in(browser(app), account.partner_id)
            met = [0]

            def plan(method: str, path: str) -> str:
                """Every third: bytes, then the question how many there are, then bytes again."""
                met[0] += method == "PUT"
                return what if method == "PUT" and met[0] % 3 == 1 else ""

            proxy.plan = plan
            confirm(client, alices.id, account=account.id)
            work_for(app, 3)

            row = row_of(alices)
            (made,) = (name for name in emulator.names if name not in before)
            assert (row.state, row.reason, row.remote_id) == ("published", None, made)
            clip = emulator.bytes_of(made)
            assert len(clip) == SIZE + 12 and clip == b"\0\0\0\x18ftypmp42" + b"x" * SIZE
            assert emulator.told[made]["snippet"]["description"] == row.text
    finally:
        proxy.close()


# Their client against our stand-in


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    server = GoogleServer()
    server.access.add("their-token")
    yield server
    server.close()


def uploaded(root: str, file: Path, body: dict[str, Any]) -> dict[str, Any]:
    asked = {"root": root, "token": "their-token", "file": str(file), "body": body}
    command = [str(PYTHON), str(PEERS / "upload.py"), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, timeout=120, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("what", ["", "503", "late", "cut"])
def test_their_client_uploads_to_our_stand_in_and_goes_on_where_it_was(
    google: GoogleServer, tmp_path: Path, what: str
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(bytes(range(256)) * 2_700)
    proxy = Cutting("127.0.0.1", google.port, keeps_host=True)
    proxy.plan = once(lambda method, path: method == "PUT", what)
    body = youtube.metadata(TEXT, "fr")
    try:
        told = uploaded(proxy.origin, clip, body)
    finally:
        proxy.close()

    ((name, video),) = google.videos.items()
    assert bool(told["met"]) == bool(what)
    assert google.bytes_of(name) == clip.read_bytes()
    assert (
        told["video"] == video and video["paidProductPlacementDetails"] == body["paidProductPlacementDetails"]
    )
    assert told["channel"]["items"][0]["id"] == "UCalice"
    assert [one["snippet"]["resourceId"]["videoId"] for one in told["items"]] == [name]
    assert told["numbers"]["items"][0]["statistics"]["viewCount"] == "12"
    assert list(discovery.faults("Video", told["video"])) == []
    assert list(discovery.faults("ChannelListResponse", told["channel"])) == []
    assert list(discovery.faults("VideoListResponse", told["numbers"])) == []
    for one in told["items"]:
        assert list(discovery.faults("PlaylistItem", one)) == []


# What we send, against their description


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_we_say_of_a_video_is_as_their_description_has_it(language: str) -> None:
    body = youtube.metadata(TEXT, language)

    assert list(discovery.faults("Video", body)) == []
    told = discovery.method("videos", "insert")
    query = {"uploadType": "resumable", "part": "snippet,status,paidProductPlacementDetails"}
    assert list(discovery.query_faults(told, query)) == []
    assert set(query["part"].split(",")) == set(body)
    assert told["mediaUpload"]["protocols"]["simple"]["path"] == "/upload/youtube/v3/videos"


def test_a_fault_in_what_we_say_would_be_seen() -> None:
    body = youtube.metadata(TEXT, "fr")
    body["status"] |= {"privacyStatus": "everybody", "selfDeclaredMadeForKids": "no"}
    body["snippet"]["hashtags"] = ["ia"]

    assert sorted(discovery.faults("Video", body)) == [
        ".snippet.hashtags: unknown",
        ".status.privacyStatus: 'everybody' is not among ['public', 'unlisted', 'private']",
        ".status.selfDeclaredMadeForKids: no boolean",
    ]


def test_every_call_is_one_that_they_describe_and_our_rights_allow(
    make_app: Callable[..., Flask], google: GoogleServer
) -> None:
    """Connecting, publishing, looking for a session that is gone, and counting."""
    proxy = Cutting("127.0.0.1", google.port, keeps_host=True)
    app = make_app(
        YOUTUBE_CLIENT_ID=CLIENT["client_id"], YOUTUBE_CLIENT_SECRET=CLIENT["client_secret"],
        YOUTUBE_AUDITED="true", YOUTUBE_API_URL=proxy.origin, YOUTUBE_TOKEN_URL=f"{proxy.origin}/token",
    )  # fmt: skip
    try:
        with app.app_context():
            account = an_account(app, "their-token")
            alices = PostFactory(partner_id=account.partner_id)
            give_clip(alices)
            client = log_in(browser(app), account.partner_id)
            proxy.plan = once(lambda method, path: method == "PUT", "late")
            confirm(client, alices.id, account=account.id)
            run_work(app)
            google.sessions.clear()
            work_for(app, 1)
            row = row_of(alices)
            assert row.state == "published"
            youtube.counts(account, row.remote_id or "")
            db.session.rollback()
            youtube_connect._channel("their-token")
    finally:
        proxy.close()

    called = [(method, urlsplit(path)) for method, path in proxy.calls if method != "PUT"]
    names = {"channels": "list", "playlistItems": "list", "videos": "list"}
    seen = set()
    for verb, parts in called:
        resource = parts.path.rpartition("/")[2]
        told = discovery.method(resource, "insert" if verb == "POST" else names[resource])
        assert told["httpMethod"] == verb and parts.path in (f"/{told['path']}", f"/upload/{told['path']}")
        assert list(discovery.query_faults(told, dict(parse_qsl(parts.query)))) == []
        assert set(told["scopes"]) & set(youtube_connect.SCOPE.split())
        seen.add((verb, resource))
    assert seen == {("GET", "channels"), ("GET", "playlistItems"), ("GET", "videos"), ("POST", "videos")}
