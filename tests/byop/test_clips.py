"""From a file that a partner sends to a clip in public: the whole way, through the pages."""

from __future__ import annotations

import io
import re
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
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.maintenance import maintenance
from contentflow.links import services as links
from contentflow.partners.models import Partner
from contentflow.pipeline import rendering, services, tasks
from contentflow.pipeline.models import ASSETS, Asset
from contentflow.pipeline.probe import MediaLimits, probe
from contentflow.pipeline.renders import RenderOptions
from contentflow.pipeline.sniff import Kind
from tests.house import browser, csrf, log_in, post, run_work
from tests.pipeline.films import film

HTMX = {"HX-Request": "true"}

pytestmark = pytest.mark.usefixtures("offer")


@pytest.fixture(scope="module")
def short_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    content = film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=1.0).read_bytes()
    # Larger than any form without a file may be: a box of an MP4 that says nothing.
    return content + (300_000).to_bytes(4, "big") + b"free" + bytes(299_992)


def send(client: FlaskClient, content: bytes, name: str = "film.mp4", **fields: str) -> TestResponse:
    data = {"video": (io.BytesIO(content), name), "title": "Titre", **fields}
    return post(client, "/byop/submit", data, content_type="multipart/form-data")


def sent(client: FlaskClient, content: bytes, **fields: str) -> str:
    response = send(client, content, **fields)
    assert response.status_code == 303
    return str(response.headers["Location"]).rpartition("=")[2]


def submission(sid: str) -> Submission:
    db.session.rollback()
    return db.session.get_one(Submission, sid)


def asset_of(sid: str) -> Asset:
    return db.session.get_one(Asset, submission(sid).asset_id)


def marks(client: FlaskClient, sid: str) -> tuple[str, str, str]:
    page = client.get(f"/byop/status?id={sid}", headers=HTMX).get_data(as_text=True)
    return re.search(r'data-status="(\w*)" data-step="(\w*)" data-percent="(\d+)"', page).groups()  # type: ignore[union-attr,return-value]


def page_url(sid: str) -> str:
    return f"/p/{links.links_of(sid)['copy'].code}"


def files_under(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_a_video_that_is_sent_becomes_a_clip_that_the_partner_approves(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, short_film: bytes, tmp_path: Path
):
    sid = sent(alice_client, short_film)
    assert marks(alice_client, sid) == ("new", "", "0")

    run_work(app)

    assert marks(alice_client, sid) == ("ready", "", "100")
    assert submission(sid).status == "ready"
    clip = alice_client.get(f"/byop/clip?id={sid}")
    assert clip.mimetype == "video/mp4"
    (tmp_path / "clip.mp4").write_bytes(clip.data)
    media = probe(tmp_path / "clip.mp4", Kind.MP4, MediaLimits())
    assert (media.width, media.height) == (1080, 1920)

    assert client.get(f"{page_url(sid)}/clip.mp4").status_code == 404
    assert post(alice_client, "/byop/approve", {"sid": sid}).status_code == 303
    assert client.get(f"{page_url(sid)}/clip.mp4").data == clip.data
    poster = client.get(f"{page_url(sid)}/poster.jpg")
    assert (poster.mimetype, len(poster.data) < 300_000) == ("image/jpeg", True)
    assert f"{page_url(sid)}/poster.jpg" in client.get(page_url(sid)).get_data(as_text=True)
    assert files_under(tmp_path / "work") == files_under(tmp_path / "uploads") == []


@pytest.mark.usefixtures("quick")
def test_the_clip_is_served_in_ranges(app: Flask, alice_client: FlaskClient, short_film: bytes):
    sid = sent(alice_client, short_film)
    run_work(app)

    part = alice_client.get(f"/byop/clip?id={sid}", headers={"Range": "bytes=10-19"})

    assert (part.status_code, part.data) == (206, short_film[10:20])
    assert part.headers["Content-Range"] == "bytes 10-19/1000"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("path", ["/byop/clip?id={}", "/byop/status?id={}"])
def test_another_partner_finds_no_clip(
    path: str, app: Flask, alice_client: FlaskClient, mallory_client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)

    assert alice_client.get(path.format(sid)).status_code == 200
    assert mallory_client.get(path.format(sid)).status_code == 404
    for act in ("approve", "retry"):
        assert post(mallory_client, f"/byop/{act}", {"sid": sid}).status_code == 404
    assert not asset_of(sid).is_approved


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["../../secret_key", "words", "", "clip.mp4"])
def test_only_the_named_files_of_a_clip_are_served(
    name: str, app: Flask, alice_client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)

    assert alice_client.get("/byop/clip", query_string={"id": sid, "file": name}).status_code == 404


@pytest.mark.usefixtures("quick")
def test_a_new_render_takes_the_approval_back(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, short_film: bytes, tmp_path: Path
):
    sid = sent(alice_client, short_film)
    run_work(app)
    post(alice_client, "/byop/approve", {"sid": sid})
    first = asset_of(sid).render_id

    post(alice_client, "/byop/retry", {"sid": sid, "framing": "crop"})
    assert client.get(f"{page_url(sid)}/clip.mp4").status_code == 404
    run_work(app)

    assert asset_of(sid).options.framing == "crop"
    assert asset_of(sid).render_id != first
    assert client.get(f"{page_url(sid)}/clip.mp4").status_code == 404
    assert files_under(tmp_path / "media").count("clip.mp4") == 1


@pytest.mark.usefixtures("quick")
def test_a_chosen_cover_is_what_everybody_sees_and_the_approval_stays(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)
    post(alice_client, "/byop/approve", {"sid": sid})
    before = client.get(page_url(sid)).get_data(as_text=True)

    assert post(alice_client, "/byop/cover", {"sid": sid, "cover": "3"}).status_code == 303

    assert asset_of(sid).is_approved
    assert client.get(f"{page_url(sid)}/poster.jpg").data.endswith(b"poster-3.jpg")
    assert client.get(f"{page_url(sid)}/cover.jpg").data.endswith(b"cover-3.jpg")
    assert alice_client.get(f"/byop/clip?id={sid}&file=cover").data.endswith(b"cover-3.jpg")
    # Whoever drew a preview before asks again: the picture has another address.
    pictures = [re.search(r'og:image" content="([^"]+)', page)[1] for page in (before, _page(client, sid))]  # type: ignore[index]
    assert pictures[0] != pictures[1]


@pytest.mark.usefixtures("quick")
def test_a_second_version_shows_its_own_cover_by_its_own_codes(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)
    post(alice_client, "/byop/approve", {"sid": sid})
    first = page_url(sid)

    post(alice_client, "/byop/variants", {"sid": sid, "hook": "Autre accroche", "cover": "2", "nonce": "n"})

    second = f"/p/{links.links_of(sid, 'b')['copy'].code}"
    assert client.get(f"{second}/poster.jpg").data.endswith(b"poster-3.jpg")
    assert client.get(f"{second}/cover.jpg").data.endswith(b"cover-3.jpg")
    assert client.get(f"{first}/cover.jpg").data.endswith(b"cover-1.jpg")
    assert client.get(f"{second}/clip.mp4").status_code == 200


def _page(client: FlaskClient, sid: str) -> str:
    return client.get(page_url(sid)).get_data(as_text=True)


@pytest.mark.usefixtures("quick")
def test_the_kit_shows_which_cover_is_chosen(app: Flask, alice_client: FlaskClient, short_film: bytes):
    sid = sent(alice_client, short_film)
    run_work(app)

    def checked(page: str) -> list[str]:
        return re.findall(r'id="cover-\d" name="cover" value="(\d)" checked', page)

    assert checked(alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)) == ["1"]
    answer = post(alice_client, "/byop/cover", {"sid": sid, "cover": "2"}, headers=HTMX)

    assert (answer.status_code, checked(answer.get_data(as_text=True))) == (200, ["2"])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"cover": "4"}, 422),
        ({"cover": "0"}, 422),
        ({"cover": "../1"}, 422),
        ({}, 422),
        ({"cover": "2", "render": "another"}, 409),
    ],
)
def test_a_cover_that_is_not_there_is_refused_and_the_choice_stays(
    fields: dict[str, str], status: int, app: Flask, alice_client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)

    assert post(alice_client, "/byop/cover", {"sid": sid, **fields}).status_code == status
    assert asset_of(sid).cover == 1


@pytest.mark.usefixtures("quick")
def test_only_the_owner_chooses_a_cover_and_not_without_the_token(
    app: Flask, alice_client: FlaskClient, mallory_client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)

    assert post(mallory_client, "/byop/cover", {"sid": sid, "cover": "2"}).status_code == 404
    assert alice_client.post("/byop/cover", data={"sid": sid, "cover": "2"}).status_code == 400
    assert asset_of(sid).cover == 1


@pytest.mark.usefixtures("quick")
def test_a_cover_cannot_be_chosen_while_the_clip_is_made(
    app: Flask, alice_client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)

    assert post(alice_client, "/byop/cover", {"sid": sid, "cover": "2"}).status_code == 409


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("wish", "cover"), [({"text": "bonsoir"}, 2), ({"start": "3"}, 1)])
def test_the_chosen_cover_outlives_a_new_render_of_the_same_pictures_only(
    wish: dict[str, str], cover: int, app: Flask, alice_client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)
    post(alice_client, "/byop/cover", {"sid": sid, "cover": "2"})

    post(alice_client, "/byop/retry", {"sid": sid, **wish})
    run_work(app)

    assert asset_of(sid).cover == cover


@pytest.mark.usefixtures("quick")
def test_only_the_render_that_was_looked_at_is_approved(
    app: Flask, alice_client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)

    refused = post(alice_client, "/byop/approve", {"sid": sid, "render": "another"})

    assert refused.status_code == 409
    assert not asset_of(sid).is_approved


@pytest.mark.usefixtures("quick")
def test_corrected_words_come_back_at_the_times_that_were_heard(
    app: Flask, alice_client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)

    post(alice_client, "/byop/retry", {"sid": sid, "text": "bonsoir"})

    options = asset_of(sid).options
    assert (options.text, options.heard) == ("bonsoir", ((0.0, 0.5, "bonjour"),))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "wrong", [{"start": "soon"}, {"start": "nan"}, {"framing": "sideways"}, {"text": "x" * 20_001}]
)
def test_a_wish_that_makes_no_sense_is_refused_and_nothing_changes(
    wrong: dict[str, str], app: Flask, alice_client: FlaskClient, short_film: bytes
):
    sid = sent(alice_client, short_film)
    run_work(app)

    assert post(alice_client, "/byop/retry", {"sid": sid, **wrong}).status_code == 422
    assert (asset_of(sid).state, asset_of(sid).options) == ("ready", RenderOptions())


def test_a_file_that_is_no_video_fails_with_what_to_do_and_can_be_tried_again(
    app: Flask, alice_client: FlaskClient, alice: Partner
):
    sid = sent(alice_client, b"#EXTM3U\nfile:///etc/passwd\n")

    run_work(app)

    assert marks(alice_client, sid)[0] == "failed"
    page = alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)
    assert "liste de lecture" in page
    assert submission(sid).reason == services.reason_sentence("playlist")
    post(alice_client, "/byop/retry", {"sid": sid})
    assert (submission(sid).status, asset_of(sid).state) == ("processing", "new")


@pytest.mark.usefixtures("quick")
def test_the_form_pressed_twice_with_a_file_is_one_post(
    app: Flask, alice_client: FlaskClient, alice: Partner, short_film: bytes, tmp_path: Path
):
    first, second = (send(alice_client, short_film, nonce="n") for _ in range(2))
    other = send(alice_client, short_film + b"more", nonce="n")

    assert first.headers["Location"] == second.headers["Location"] != other.headers["Location"]
    assert len(files_under(tmp_path / "originals")) == 2
    assert files_under(tmp_path / "uploads") == []


def test_where_both_are_given_the_file_counts(alice_client: FlaskClient, short_film: bytes):
    sid = sent(alice_client, short_film, source_url="http://127.0.0.1/")

    assert asset_of(sid).original_at is not None


def test_a_file_over_the_limit_is_refused_and_nothing_is_kept(make_app: Any, alice: Partner, tmp_path: Path):
    strict = log_in(browser(make_app(UPLOAD_MAX_MB="1")), alice.id)

    body = (
        b'--x\r\nContent-Disposition: form-data; name="video"; filename="film.mp4"\r\n\r\n' + b"x" * 2_000_000
    )
    refused = strict.post(
        "/byop/submit",
        input_stream=io.BytesIO(body),
        content_length=len(body),
        content_type="multipart/form-data; boundary=x",
        headers={"X-CSRFToken": csrf(strict)},
    )

    assert refused.status_code == 413
    assert byop.list_submissions(alice.id) == []
    assert files_under(tmp_path / "uploads") == files_under(tmp_path / "originals") == []


def test_a_form_with_a_file_has_no_more_room_for_words_than_any_other(
    alice_client: FlaskClient, short_film: bytes, tmp_path: Path
):
    assert send(alice_client, short_film, description="x" * 70_000).status_code == 413
    assert files_under(tmp_path / "uploads") == files_under(tmp_path / "originals") == []


def test_only_the_form_of_a_new_post_takes_a_large_body(alice_client: FlaskClient):
    data = {"video": (io.BytesIO(b"x" * 200_000), "film.mp4"), "sid": "x"}

    assert post(alice_client, "/byop/edit", data, content_type="multipart/form-data").status_code == 413


@pytest.mark.usefixtures("quick")
def test_partners_take_turns_however_many_videos_one_brings(
    app: Flask, alice_client: FlaskClient, bob_client: FlaskClient, short_film: bytes
):
    for _ in range(3):
        sent(alice_client, short_film)
    bobs = sent(bob_client, short_film)

    for _ in range(2):
        tasks.render("whoever")

    assert asset_of(bobs).state == "ready"


@pytest.mark.usefixtures("quick")
def test_two_videos_of_a_partner_are_in_work_at_a_time(
    app: Flask, alice_client: FlaskClient, short_film: bytes
):
    from contentflow.core.db import transaction
    from contentflow.pipeline import queue

    for _ in range(3):
        sent(alice_client, short_film)

    claims = []
    for _ in range(3):
        with transaction():
            claims.append(queue.claim_next(queue.IS_HERE))

    assert [claim is not None for claim in claims] == [True, True, False]


@pytest.mark.usefixtures("quick")
def test_the_sixth_try_of_a_video_whose_workers_were_killed_is_its_end(
    app: Flask, alice_client: FlaskClient, short_film: bytes
):
    from contentflow.core.db import transaction
    from contentflow.pipeline import queue

    sid = sent(alice_client, short_film)
    with time_machine.travel(clock.now(), tick=False) as now:
        for _ in range(ASSETS.max_attempts):
            with transaction():
                assert queue.claim_next(queue.IS_HERE) is not None
            now.shift(timedelta(seconds=31))
        run_work(app)

    assert (asset_of(sid).state, asset_of(sid).reason) == ("failed", "interrupted")


@pytest.mark.usefixtures("quick")
def test_a_worker_whose_asset_was_taken_writes_nothing(
    app: Flask, alice_client: FlaskClient, short_film: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from contentflow.core.db import transaction
    from contentflow.pipeline import queue

    sid = sent(alice_client, short_film)
    with transaction():
        claim = queue.claim_next(queue.IS_HERE)
    assert claim is not None
    with transaction():
        ASSETS.retry_later(claim)

    rendering.run_job(claim, rendering.render)

    assert asset_of(sid).state == "new"
    assert files_under(tmp_path / "media") == files_under(tmp_path / "work") == []


@pytest.mark.usefixtures("quick")
def test_an_original_goes_after_its_days_and_the_clip_stays(
    app: Flask, alice: Partner, alice_client: FlaskClient, short_film: bytes, tmp_path: Path
):
    sid = sent(alice_client, short_film)
    run_work(app)

    with time_machine.travel(clock.now() + timedelta(days=31)):
        for act in maintenance().hourly.values():
            act()

    assert files_under(tmp_path / "originals") == []
    assert "clip.mp4" in files_under(tmp_path / "media")
    anew = log_in(browser(app), alice.id)  # The session was idle for longer than it may be.
    assert post(anew, "/byop/retry", {"sid": sid}).status_code == 409


def test_a_site_that_is_away_is_asked_again_later(
    app: Flask, alice_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    from contentflow.pipeline.reasons import Failure, UnprocessableMedia

    def away(*_: Any) -> Any:
        raise UnprocessableMedia(Failure.UNREACHABLE, is_passing=True)

    monkeypatch.setattr(rendering, "fetch", away)
    answer = post(alice_client, "/byop/submit", {"source_url": "https://video.example.com/1"})
    sid = str(answer.headers["Location"]).rpartition("=")[2]

    run_work(app)
    assert (asset_of(sid).state, asset_of(sid).attempts) == ("new", 1)

    with time_machine.travel(clock.now(), tick=False) as now:
        for _ in range(ASSETS.max_attempts):
            now.shift(timedelta(hours=1))
            run_work(app)
    assert (asset_of(sid).state, asset_of(sid).reason) == ("failed", "unreachable")
