"""Videos and clips in a bucket: as under DATA_DIR, and nothing of them is needed on this machine twice."""

from __future__ import annotations

import io
import json
import shutil
import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.config import WrongSetting
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.maintenance import maintenance
from contentflow.links import services as links
from contentflow.partners import erasure
from contentflow.partners.models import Partner
from contentflow.pipeline import bucket_store, bucket_upkeep, rendering
from contentflow.pipeline.models import Asset
from tests.conftest import MakeApp
from tests.factories.bucket import Between
from tests.factories.offers import OfferFactory
from tests.factories.partners import PartnerFactory
from tests.house import browser, csrf, log_in, post, run_work

FILM = bytes(range(256)) * 40

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def app(make_app: MakeApp, shared: Between) -> Any:
    """A host whose media lie in the bucket."""
    app = make_app(**shared.settings)
    with app.app_context():
        OfferFactory()
        yield app


@pytest.fixture
def other_host(make_app: MakeApp, app: Flask, shared: Between, tmp_path: Path) -> Flask:
    """Another machine of the same programme: its own DATA_DIR, the same database and bucket."""
    url = app.config["CONTENTFLOW"].database_url
    return make_app(**shared.settings, DATA_DIR=str(tmp_path / "other"), DATABASE_URL=url)


def send(client: FlaskClient, content: bytes = FILM, **fields: str) -> TestResponse:
    data = {"video": (io.BytesIO(content), "film.mp4"), "title": "Titre", **fields}
    return post(client, "/byop/submit", data, content_type="multipart/form-data")


def sid_of(answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.status_code
    return str(answer.headers["Location"]).rpartition("=")[2]


def asset_of(sid: str) -> Asset:
    db.session.rollback()
    return db.session.get_one(Asset, db.session.get_one(Submission, sid).asset_id)


def page_url(sid: str) -> str:
    return f"/p/{links.links_of(sid)['copy'].code}"


def begin(client: FlaskClient, size: int, name: str = "film.mp4") -> dict[str, Any]:
    fields = {"name": name, "size": str(size), "modified": "1"}
    return dict(post(client, "/byop/part/begin", fields).json)  # type: ignore[arg-type]


def go_on(client: FlaskClient, part_id: str, at: int, piece: bytes) -> TestResponse:
    return client.post(f"/byop/part?id={part_id}&at={at}", data=piece, headers={"X-CSRFToken": csrf(client)})


def test_a_video_becomes_a_clip_without_a_file_left_on_the_machine(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, shared: Between, tmp_path: Path
):
    sid = sid_of(send(alice_client))
    asset = asset_of(sid)
    assert shared.keys == [f"originals/{asset.original_id}"]

    run_work(app)
    asset = asset_of(sid)

    assert asset.state == "ready"
    assert f"media/{asset.id}/{asset.render_id}/clip.mp4" in shared.keys
    assert alice_client.get(f"/byop/clip?id={sid}").data == FILM[:992] + b"clip.mp4"
    assert client.get(f"{page_url(sid)}/clip.mp4").status_code == 404
    assert post(alice_client, "/byop/approve", {"sid": sid}).status_code == 303
    assert client.get(f"{page_url(sid)}/clip.mp4").data == FILM[:992] + b"clip.mp4"
    assert f"{page_url(sid)}/captions.vtt" in client.get(page_url(sid)).text
    left = [
        path for name in ("uploads", "work", "originals", "media") for path in tmp_path.glob(f"{name}/**/*")
    ]
    assert left == []


@pytest.fixture
def both(
    app: Flask, alice: Partner, alice_client: FlaskClient, make_app: MakeApp
) -> tuple[FlaskClient, FlaskClient, str, str]:
    """The same clip in the bucket and under DATA_DIR: two hosts of one database, a post of each."""
    on_disk = make_app()
    disk_client = log_in(browser(on_disk), alice.id)
    in_bucket, under_data_dir = sid_of(send(alice_client, nonce="a")), ""
    run_work(app)
    with on_disk.app_context():
        under_data_dir = sid_of(send(disk_client, nonce="b"))
        run_work(on_disk)
    for sid in (in_bucket, under_data_dir):
        assert asset_of(sid).state == "ready"
    return alice_client, disk_client, in_bucket, under_data_dir


SAME = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Cache-Control")
SAME += ("Content-Disposition", "Vary", "Content-Security-Policy", "X-Content-Type-Options", "X-Robots-Tag")


RANGES = ["bytes=0-1", "bytes=10-19", "bytes=990-", "bytes=-5", "bytes=5-4", "bytes=2000-", "bytes=0-99999"]
RANGES += ["bytes=0-1,5-6", "lines=0-1", "rubbish"]


@pytest.mark.parametrize("query", ["", "&download=1", "&file=poster", "&file=vtt&download=1"])
def test_it_is_served_as_a_file_of_the_disk_is(query: str, both: tuple[FlaskClient, FlaskClient, str, str]):
    in_bucket, on_disk, sid, sid_on_disk = both
    asked = [{}, {"If-Range": '"other"', "Range": "bytes=0-1"}, *({"Range": each} for each in RANGES)]
    for headers in asked:
        ours = in_bucket.get(f"/byop/clip?id={sid}{query}", headers=headers)
        theirs = on_disk.get(f"/byop/clip?id={sid_on_disk}{query}", headers=headers)
        head = in_bucket.head(f"/byop/clip?id={sid}{query}", headers=headers)

        assert ours.status_code == theirs.status_code
        for name in SAME:
            assert ours.headers.get(name) == theirs.headers.get(name), (name, headers)
        assert (head.status_code, head.data) == (ours.status_code, b"")
        assert head.headers.get("Content-Length") == ours.headers.get("Content-Length")
        assert ours.status_code == 416 or ours.data == theirs.data  # A page has a number of its own.


def test_who_has_it_already_is_not_sent_it_again(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, shared: Between
):
    sid = sid_of(send(alice_client))
    run_work(app)
    post(alice_client, "/byop/approve", {"sid": sid})
    first = client.get(f"{page_url(sid)}/clip.mp4")
    shared.asked.clear()

    again = client.get(f"{page_url(sid)}/clip.mp4", headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data, shared.asked) == (304, b"", [])


def test_another_host_serves_what_this_one_rendered(
    app: Flask, other_host: Flask, alice: Partner, alice_client: FlaskClient
):
    sid = sid_of(send(alice_client))
    with other_host.app_context():
        run_work(other_host)
    run_work(app)
    post(alice_client, "/byop/approve", {"sid": sid})

    seen = [browser(host).get(f"{page_url(sid)}/clip.mp4") for host in (app, other_host)]

    assert [answer.status_code for answer in seen] == [200, 200]
    assert seen[0].data == seen[1].data
    assert asset_of(sid).attempts == 1


def test_a_video_sent_in_parts_to_two_hosts_is_one(
    app: Flask, other_host: Flask, alice: Partner, alice_client: FlaskClient, shared: Between, tmp_path: Path
):
    there = log_in(browser(other_host), alice.id)
    part = begin(alice_client, len(FILM))
    assert go_on(alice_client, part["id"], 0, FILM[:3_000]).json["at"] == 3_000  # type: ignore[index]
    assert begin(there, len(FILM))["at"] == 3_000
    assert go_on(there, part["id"], 3_000, FILM[3_000:]).json["at"] == len(FILM)  # type: ignore[index]

    with other_host.app_context():
        sid = sid_of(post(there, "/byop/submit", {"part": part["id"], "title": "Une heure"}))

    key = f"{shared.prefix}/originals/{asset_of(sid).original_id}"
    assert shared.client().get_object(Bucket="media", Key=key)["Body"].read() == FILM
    assert list(tmp_path.rglob("part-*")) == []


def test_pieces_that_came_twice_or_overlap_do_no_harm(alice_client: FlaskClient, app: Flask, alice: Partner):
    part_id = begin(alice_client, len(FILM))["id"]
    go_on(alice_client, part_id, 0, FILM[:3_000])
    assert go_on(alice_client, part_id, 0, FILM[:100]).json["at"] == 3_000  # type: ignore[index]
    assert go_on(alice_client, part_id, 9_000, FILM[9_000:]).json["at"] == 3_000  # type: ignore[index]
    # Two requests that saw the same end: what they wrote overlaps.
    files = app.extensions["bucket"]
    files.put_bytes(f"uploads/{alice.id}/{part_id}/{2_000:012d}", FILM[2_000:5_000])
    files.put_bytes(f"uploads/{alice.id}/{part_id}/{7_000:012d}", FILM[7_000:])

    assert begin(alice_client, len(FILM))["at"] == 5_000
    go_on(alice_client, part_id, 5_000, FILM[5_000:8_000])
    sid = sid_of(post(alice_client, "/byop/submit", {"part": part_id, "title": "Une heure"}))

    assert files.get_bytes(f"originals/{asset_of(sid).original_id}") == FILM


def test_parts_are_bounded_dropped_and_nobody_elses(
    alice_client: FlaskClient, mallory_client: FlaskClient, shared: Between
):
    part_id = begin(alice_client, len(FILM))["id"]
    go_on(alice_client, part_id, 0, FILM[:3_000])

    assert go_on(mallory_client, part_id, 3_000, FILM[3_000:]).status_code == 404
    assert go_on(alice_client, part_id, 3_000, FILM).status_code == 413
    for number in range(4):
        begin(alice_client, len(FILM), f"film-{number}.mp4")
    assert not any(part_id in key for key in shared.keys)
    for key in {key.split("/")[2] for key in shared.keys}:
        assert post(alice_client, "/byop/part/drop", {"id": key}).status_code == 204
    assert shared.keys == []


def test_an_erased_account_leaves_nothing_in_the_bucket(
    app: Flask, other_host: Flask, alice_client: FlaskClient, shared: Between
):
    sid = sid_of(send(alice_client))
    run_work(app)
    post(alice_client, "/byop/approve", {"sid": sid})
    url = f"{page_url(sid)}/clip.mp4"
    assert browser(other_host).get(url).status_code == 200
    go_on(alice_client, begin(alice_client, len(FILM), "next.mp4")["id"], 0, FILM[:100])
    assert len(shared.keys) > 5

    assert post(alice_client, "/partner/erase", {"confirm": "ERASE"}).status_code == 303

    assert shared.keys == []
    assert [browser(host).get(url).status_code for host in (app, other_host)] == [410, 410]


def test_an_erasure_waits_for_a_bucket_that_was_silent_a_moment_ago(
    app: Flask, alice_client: FlaskClient, shared: Between, monkeypatch: pytest.MonkeyPatch
):
    sid_of(send(alice_client))
    run_work(app)
    monkeypatch.setattr(erasure, "ASK_AGAIN_SECONDS", 0.05)
    app.extensions["bucket"]._rest_until = time.monotonic() + 0.3  # Nobody asks it for so long.

    assert post(alice_client, "/partner/erase", {"confirm": "ERASE"}).status_code == 303

    assert shared.keys == []


def test_an_erasure_while_the_bucket_is_away_is_ended_later(
    app: Flask, alice_client: FlaskClient, shared: Between, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(erasure, "BUCKET_SECONDS", 0.0)
    sid_of(send(alice_client))
    run_work(app)
    before = shared.keys
    shared.be("500")

    assert post(alice_client, "/partner/erase", {"confirm": "ERASE"}).status_code == 303
    assert shared.keys == before

    shared.be("")
    app.extensions["bucket"]._rest_until = 0.0
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        run_work(app)
    assert shared.keys == []


def test_a_bucket_that_is_away_is_said_and_no_try_is_lost(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, shared: Between, tmp_path: Path
):
    sid = sid_of(send(alice_client))
    shared.be("500")
    run_work(app)
    asset = asset_of(sid)
    assert (asset.state, asset.attempts, asset.lease) == ("new", 0, None)
    assert asset.next_attempt_at is not None

    refused = send(alice_client, nonce="another")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert db.session.query(Submission).count() == 1
    assert alice_client.get(f"/byop/kit?id={sid}").status_code == 200
    assert bucket_upkeep.check_bucket() is not None

    shared.be("")
    app.extensions["bucket"]._rest_until = 0.0
    with time_machine.travel(clock.now() + timedelta(seconds=rendering.BUCKET_SECONDS + 1)):
        run_work(app)
    assert asset_of(sid).state == "ready"
    post(alice_client, "/byop/approve", {"sid": sid})
    assert client.get(page_url(sid)).status_code == 200
    app.extensions["bucket"]._known.clear()
    shared.be("403")
    assert client.get(f"{page_url(sid)}/clip.mp4").status_code == 503
    assert f"{page_url(sid)}/clip.mp4" in client.get(page_url(sid)).text
    assert list(tmp_path.glob("work/*")) == list(tmp_path.glob("uploads/*")) == []


def test_a_clip_that_is_done_waits_for_a_bucket_that_is_away_a_moment(
    app: Flask, alice_client: FlaskClient, shared: Between, monkeypatch: pytest.MonkeyPatch
):
    sid = sid_of(send(alice_client))
    render = rendering.make_clip

    def rendered_as_it_goes(*given: Any) -> Any:
        made = render(*given)
        shared.be("500", 6)
        return made

    def come_back(seconds: float) -> None:
        app.extensions["bucket"]._rest_until = 0.0

    monkeypatch.setattr(rendering, "make_clip", rendered_as_it_goes)
    monkeypatch.setattr(bucket_store.time, "sleep", come_back)  # type: ignore[attr-defined]
    run_work(app)

    asset = asset_of(sid)
    assert (asset.state, asset.attempts) == ("ready", 1)
    assert alice_client.get(f"/byop/clip?id={sid}").status_code == 200


def test_another_video_takes_the_place_of_the_original(
    app: Flask, alice_client: FlaskClient, shared: Between
):
    sid = sid_of(send(alice_client))
    first = asset_of(sid).original_id
    run_work(app)

    data = {"sid": sid, "video": (io.BytesIO(FILM[::-1]), "other.mp4")}
    assert post(alice_client, "/byop/video", data, content_type="multipart/form-data").status_code == 303

    asset = asset_of(sid)
    assert asset.original_id != first
    assert [key for key in shared.keys if key.startswith("originals/")] == [f"originals/{asset.original_id}"]


def test_an_original_that_somebody_removed_is_said(app: Flask, alice_client: FlaskClient, shared: Between):
    sid = sid_of(send(alice_client))
    app.extensions["bucket"].delete([f"originals/{asset_of(sid).original_id}"])

    run_work(app)

    assert (asset_of(sid).state, asset_of(sid).reason) == ("failed", "source_gone")


@pytest.fixture
def tidy(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    monkeypatch.setattr(bucket_upkeep, "EVERY", timedelta(0))
    return lambda: maintenance().hourly["pipeline.tidy_media"]()


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in the bucket is six hours old."""
    monkeypatch.setattr(bucket_upkeep, "STALE", timedelta(seconds=-60))


@pytest.mark.usefixtures("stale")
def test_one_host_an_hour_looks_through_the_bucket(app: Flask, other_host: Flask, shared: Between):
    maintenance().hourly["pipeline.tidy_media"]()
    shared.asked.clear()
    with other_host.app_context():
        maintenance().hourly["pipeline.tidy_media"]()
    assert shared.asked == []

    with time_machine.travel(clock.now() + timedelta(hours=1)):
        maintenance().hourly["pipeline.tidy_media"]()
    assert len(shared.asked) > 3


ORPHANS = [
    f"originals/{'o' * 22}",
    f"media/{'a' * 22}/{'r' * 22}/clip.mp4",
    f"uploads/{'p' * 22}/{'0' * 32}-10/000000000000",
    f"trial/{'t' * 22}",
]


def test_what_no_row_names_goes_once_it_is_old(
    app: Flask, alice_client: FlaskClient, shared: Between, tidy: Any, monkeypatch: pytest.MonkeyPatch
):
    sid = sid_of(send(alice_client))
    run_work(app)
    asset = asset_of(sid)
    orphans = [*ORPHANS, f"media/{asset.id}/{'r' * 22}/clip.mp4"]
    theirs = ["media/readme.txt", "trial/readme.txt", "originals/../odd", "media/a/b/c/d"]
    kept = shared.keys
    for key in (*orphans, *theirs):
        app.extensions["bucket"].put_bytes(key, b"x")

    tidy()
    assert set(orphans) <= set(shared.keys)

    monkeypatch.setattr(bucket_upkeep, "STALE", timedelta(seconds=-60))
    tidy()
    assert set(shared.keys) == {*kept, *theirs, bucket_upkeep.MARK}


@pytest.mark.usefixtures("stale")
def test_old_originals_go_and_their_clips_stay(
    app: Flask, alice_client: FlaskClient, shared: Between, tidy: Any
):
    sid = sid_of(send(alice_client))
    run_work(app)

    with time_machine.travel(clock.now() + timedelta(days=31)):
        tidy()

    asset = asset_of(sid)
    assert (asset.original_id, asset.original_at) == (None, None)
    assert not any(key.startswith("originals/") for key in shared.keys)
    assert any(key.startswith("media/") for key in shared.keys)


@pytest.mark.usefixtures("stale")
def test_another_programme_with_the_same_prefix_removes_nothing(app: Flask, shared: Between, tidy: Any):
    tidy()
    app.extensions["bucket"].put_bytes(bucket_upkeep.MARK, b"somebody else")
    app.extensions["bucket"].put_bytes(ORPHANS[0], b"x")

    tidy()

    assert ORPHANS[0] in shared.keys
    assert bucket_upkeep.check_bucket() is not None


@pytest.mark.usefixtures("stale")
def test_a_restored_copy_in_quarantine_removes_nothing(
    app: Flask, alice_client: FlaskClient, shared: Between, tidy: Any
):
    from contentflow.core import quarantine

    sid = sid_of(send(alice_client))
    run_work(app)
    app.extensions["bucket"].put_bytes(ORPHANS[0], b"x")
    before = shared.keys
    with transaction():
        for statement in quarantine.begin(clock.now(), clock.now()):
            db.session.execute(statement)

    tidy()
    post(alice_client, "/byop/retry", {"sid": sid})
    run_work(app)
    assert set(before) <= set(shared.keys)

    with transaction():
        for queue in quarantine.QUEUES:
            quarantine.end(queue)
    tidy()
    assert ORPHANS[0] not in shared.keys


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("", None),
        ("403", "refuses access (403)"),
        ("403:RequestTimeTooSkewed", "clock"),
        ("404:NoSuchBucket", "NoSuchBucket"),
        ("500", "does not answer (500)"),
    ],
)
def test_the_doctor_says_how_the_bucket_is(mood: str, said: str | None, app: Flask, shared: Between):
    shared.be(mood)

    told = bucket_upkeep.check_bucket()

    assert told == said if said is None else said in str(told)


def test_the_doctor_leaves_nothing_but_the_mark(app: Flask, shared: Between):
    assert bucket_upkeep.check_bucket() is None
    assert shared.keys == [bucket_upkeep.MARK]


def test_the_same_form_sent_twice_makes_one_post_and_what_is_left_over_goes(
    app: Flask, alice_client: FlaskClient, shared: Between, tidy: Any, monkeypatch: pytest.MonkeyPatch
):
    first, second = (sid_of(send(alice_client, nonce="n")) for _ in range(2))
    assert first == second

    monkeypatch.setattr(bucket_upkeep, "STALE", timedelta(seconds=-60))
    tidy()

    assert [key for key in shared.keys if key.startswith("originals/")] == [
        f"originals/{asset_of(first).original_id}"
    ]


def test_no_page_of_a_bucket_names_it(app: Flask, alice_client: FlaskClient, shared: Between):
    sid = sid_of(send(alice_client))
    run_work(app)
    post(alice_client, "/byop/approve", {"sid": sid})
    shared.be("403:SignatureDoesNotMatch")

    for path in (f"/byop/kit?id={sid}", f"/byop/clip?id={sid}", page_url(sid), f"{page_url(sid)}/poster.jpg"):
        answer = alice_client.get(path)
        for word in (shared.url, "media/", "SignatureDoesNotMatch", "AKIA"):
            assert word not in answer.text + str(answer.headers)


def test_the_unused_disk_of_a_host_may_vanish(
    app: Flask, alice_client: FlaskClient, shared: Between, tmp_path: Path
):
    sid = sid_of(send(alice_client))
    for name in ("uploads", "work"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)

    run_work(app)

    assert asset_of(sid).state == "ready"
    assert byop.get_submission(asset_of(sid).partner_id, sid).status == "ready"


def test_two_renders_of_one_video_end_as_one(
    app: Flask, alice_client: FlaskClient, shared: Between, monkeypatch: pytest.MonkeyPatch
):
    sid = sid_of(send(alice_client))
    make = rendering.make_clip

    def overtaken(*given: Any) -> Any:
        made = make(*given)
        monkeypatch.setattr(rendering, "make_clip", make)
        with transaction():
            asset_of_row = db.session.get_one(Asset, asset_of(sid).id)
            asset_of_row.leased_until = clock.now() - timedelta(seconds=1)
        run_work(app)
        return made

    monkeypatch.setattr(rendering, "make_clip", overtaken)
    run_work(app)

    asset = asset_of(sid)
    renders = {key.split("/")[2] for key in shared.keys if key.startswith("media/")}
    assert (asset.state, renders) == ("ready", {asset.render_id})


def test_a_partner_of_the_other_host_meets_the_same_session(
    app: Flask, other_host: Flask, alice_client: FlaskClient
):
    sid = sid_of(send(alice_client))
    cookie = alice_client.get_cookie("__Host-session", domain="share.example.org")
    assert cookie is not None
    there = browser(other_host)
    there.set_cookie("__Host-session", cookie.value, domain="share.example.org", secure=True)

    assert there.get(f"/byop/kit?id={sid}").status_code == 200


PLAYER = {"Sec-Fetch-Dest": "video", "Range": "bytes=0-"}


@pytest.fixture
def lending(make_app: MakeApp, shared: Between) -> Any:
    """A host that sends players to the bucket."""
    app = make_app(**shared.settings, MEDIA_REDIRECT_URL=shared.url)
    with app.app_context():
        OfferFactory()
        yield app


def test_a_player_is_sent_to_the_bucket_for_an_approved_clip_alone(lending: Flask, shared: Between):
    with lending.app_context():
        alice = PartnerFactory(email="alice@example.org")
    owner, anybody = log_in(browser(lending), alice.id), browser(lending)
    sid = sid_of(send(owner))
    run_work(lending)
    url = f"{page_url(sid)}/clip.mp4"

    assert owner.get(f"/byop/clip?id={sid}", headers=PLAYER).status_code == 206
    assert anybody.get(url, headers=PLAYER).status_code == 404
    post(owner, "/byop/approve", {"sid": sid})
    sent = anybody.get(url, headers=PLAYER)
    assert (sent.status_code, sent.headers["Cache-Control"]) == (302, "no-store")
    assert sent.headers["Location"].startswith(f"{shared.url}/media/{shared.prefix}/media/")
    assert "X-Amz-Expires=900" in sent.headers["Location"]
    with urllib.request.urlopen(sent.headers["Location"]) as clip:
        assert (clip.headers["Content-Type"], clip.read()) == ("video/mp4", FILM[:992] + b"clip.mp4")

    post(owner, "/byop/withdraw", {"sid": sid})
    assert anybody.get(url, headers=PLAYER).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Dest": "empty"}, {"Sec-Fetch-Dest": "document"}])
def test_who_does_not_play_it_gets_it_from_us(headers: dict[str, str], lending: Flask, shared: Between):
    with lending.app_context():
        alice = PartnerFactory(email="alice@example.org")
    owner = log_in(browser(lending), alice.id)
    sid = sid_of(send(owner))
    run_work(lending)
    post(owner, "/byop/approve", {"sid": sid})

    answer = browser(lending).get(f"{page_url(sid)}/clip.mp4", headers=headers)

    assert (answer.status_code, "Sec-Fetch-Dest" in answer.headers["Vary"]) == (200, True)
    poster = browser(lending).get(f"{page_url(sid)}/poster.jpg", headers=PLAYER)
    assert poster.status_code == 206


def test_the_policy_names_the_bucket_for_media_alone(lending: Flask, shared: Between):
    policy = browser(lending).get("/").headers["Content-Security-Policy"]

    assert f"media-src 'self' {shared.url};" in policy
    assert policy.count(shared.url) == 1


def test_lending_without_a_bucket_stops_the_start(make_app: MakeApp):
    with pytest.raises(WrongSetting, match="MEDIA_REDIRECT_URL"):
        make_app(MEDIA_REDIRECT_URL="https://s3.example.org")


def test_a_programme_that_grows_brings_its_videos_along(make_app: MakeApp, shared: Between, tmp_path: Path):
    on_disk = make_app()
    with on_disk.app_context():
        OfferFactory()
        owner_id = PartnerFactory(email="alice@example.org").id
        owner = log_in(browser(on_disk), owner_id)
        sid, words = (
            sid_of(send(owner)),
            sid_of(post(owner, "/byop/submit", {"title": "words", "nonce": "w"})),
        )
        run_work(on_disk)
        post(owner, "/byop/approve", {"sid": sid})
        before = owner.get(f"/byop/clip?id={sid}").data
    in_bucket = make_app(**shared.settings)
    with in_bucket.app_context():
        first, second = (call(in_bucket, "media", "to-bucket", "--json") for _ in range(2))
        assert (first, second) == ({"originals": 1, "clips": 1}, {"originals": 0, "clips": 0})
        shutil.rmtree(tmp_path / "media")
        shutil.rmtree(tmp_path / "originals")

        owner = log_in(browser(in_bucket), owner_id)
        assert owner.get(f"/byop/clip?id={sid}").data == before
        assert browser(in_bucket).get(f"{page_url(sid)}/poster.jpg").status_code == 200
        assert post(owner, "/byop/retry", {"sid": sid}).status_code == 303
        run_work(in_bucket)
        assert (asset_of(sid).state, asset_of(words).state) == ("ready", "ready")


def test_without_a_bucket_nothing_is_copied(make_app: MakeApp):
    done = make_app().test_cli_runner().invoke(args=["media", "to-bucket"])

    assert done.exit_code == 1 and "MEDIA_URL" in done.output


def call(app: Flask, *words: str) -> Any:
    done = app.test_cli_runner().invoke(args=[*words])
    assert done.exit_code == 0, done.output
    db.session.rollback()
    return json.loads(done.stdout)
