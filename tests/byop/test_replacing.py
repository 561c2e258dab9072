"""A video that is added to a post or replaced: links and public clip stay, nothing of before is mixed in."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from contentflow.byop.models import Submission
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.partners.models import Partner
from contentflow.pipeline import queue, rendering
from contentflow.pipeline.models import Asset
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.portal import services as portal
from tests.house import post, run_work

HTMX = {"HX-Request": "true"}
FIRST, SECOND = b"the first film", b"the second film"

pytestmark = pytest.mark.usefixtures("offer", "quick")


def bring(client: FlaskClient, sid: str, film: bytes = SECOND, **fields: str) -> TestResponse:
    data = {"sid": sid, "video": (io.BytesIO(film), "film.mp4"), **fields}
    return post(client, "/byop/video", data, content_type="multipart/form-data")


@pytest.fixture
def sid(app: Flask, alice_client: FlaskClient) -> str:
    """Alice's post whose first film is approved."""
    data = {"video": (io.BytesIO(FIRST), "film.mp4"), "title": "Une heure"}
    answer = post(alice_client, "/byop/submit", data, content_type="multipart/form-data")
    run_work(app)
    sid = str(answer.headers["Location"]).rpartition("=")[2]
    post(alice_client, "/byop/approve", {"sid": sid})
    return sid


def asset_of(sid: str) -> Asset:
    db.session.rollback()
    return db.session.get_one(Asset, db.session.get_one(Submission, sid).asset_id)


def public_clip(client: FlaskClient, sid: str) -> bytes | None:
    answer = client.get(f"/p/{links.links_of(sid)['copy'].code}/clip.mp4")
    return answer.data if answer.status_code == 200 else None


def codes(sid: str) -> set[str]:
    return {link.code for link in links.links_of(sid).values()}


def page_of(client: FlaskClient, url: str) -> str:
    return client.get(url).get_data(as_text=True)


def test_a_post_of_words_gets_a_video_and_keeps_its_links(
    app: Flask, alice_client: FlaskClient, alices_post: Submission
):
    run_work(app)
    sid, before = alices_post.id, codes(alices_post.id)
    assert f'href="/byop/video?id={sid}"' in page_of(alice_client, f"/byop/kit?id={sid}")

    assert bring(alice_client, sid).status_code == 303
    assert db.session.get_one(Submission, sid).status == "processing"
    run_work(app)

    assert codes(sid) == before
    assert (asset_of(sid).state, asset_of(sid).is_approved) == ("ready", False)
    assert db.session.get_one(Submission, sid).status == "ready"
    assert alice_client.get(f"/byop/clip?id={sid}").data.startswith(SECOND)


def test_a_post_of_words_that_is_in_hand_gets_its_video_too(
    alice_client: FlaskClient, alices_post: Submission, app: Flask
):
    from contentflow.pipeline import services as pipeline

    with transaction():
        claim = pipeline.claim_words(alices_post.asset_id)
    bring(alice_client, alices_post.id)
    with transaction():
        assert claim is not None
        pipeline.finish_words(claim)

    assert asset_of(alices_post.id).state == "new"
    run_work(app)
    assert asset_of(alices_post.id).render_id is not None


def test_the_approved_clip_stays_in_public_until_the_new_one_is_approved(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, sid: str, tmp_path: Path
):
    old = public_clip(client, sid)
    assert old is not None and old.startswith(FIRST)

    bring(alice_client, sid)
    assert public_clip(client, sid) == old
    run_work(app)
    assert public_clip(client, sid) == old
    assert "clip d’avant" in page_of(alice_client, f"/byop/kit?id={sid}")

    post(alice_client, "/byop/approve", {"sid": sid, "render": str(asset_of(sid).render_id)})
    new = public_clip(client, sid)
    assert new is not None and new.startswith(SECOND)
    assert len(list((tmp_path / "media" / asset_of(sid).id).iterdir())) == 1


def test_the_public_picture_is_of_the_public_clip(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, sid: str
):
    post(alice_client, "/byop/cover", {"sid": sid, "cover": "3"})
    poster = f"/p/{links.links_of(sid)['copy'].code}/poster.jpg"
    bring(alice_client, sid)
    run_work(app)
    post(alice_client, "/byop/cover", {"sid": sid, "cover": "2"})

    assert client.get(poster).data.endswith(b"poster-3.jpg")
    assert client.get(poster).data.startswith(FIRST)
    post(alice_client, "/byop/approve", {"sid": sid})
    assert client.get(poster).data.endswith(b"poster-2.jpg")
    assert client.get(poster).data.startswith(SECOND)


def test_a_new_video_that_fails_leaves_the_public_clip_and_is_not_mixed_with_its_words(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, sid: str, monkeypatch: pytest.MonkeyPatch
):
    make, seen = rendering.make_clip, []

    def broken(*_: Any) -> Any:
        raise UnprocessableMedia(Failure.UNREADABLE)

    monkeypatch.setattr(rendering, "make_clip", broken)
    bring(alice_client, sid)
    run_work(app)
    assert asset_of(sid).state == "failed"
    assert public_clip(client, sid) is not None
    page = page_of(alice_client, f"/byop/kit?id={sid}")
    assert "Il reste visible en public" in page and "Changer de vidéo" in page

    def looked_at(source: Path, options: Any, *rest: Any) -> Any:
        seen.append(options)
        return make(source, options, *rest)

    monkeypatch.setattr(rendering, "make_clip", looked_at)
    post(alice_client, "/byop/retry", {"sid": sid, "text": "autres mots"})
    run_work(app)

    assert (seen[0].text, seen[0].start, seen[0].heard) == (None, None, ())
    old = public_clip(client, sid)
    assert old is not None and old.startswith(FIRST)


def test_another_try_of_the_new_video_leaves_the_public_clip(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, sid: str
):
    bring(alice_client, sid)
    run_work(app)

    post(alice_client, "/byop/retry", {"sid": sid, "framing": "crop"})
    run_work(app)

    old = public_clip(client, sid)
    assert old is not None and old.startswith(FIRST)


def test_a_render_of_the_video_before_writes_nothing(
    app: Flask, alice_client: FlaskClient, alices_post: Submission, tmp_path: Path
):
    sid = alices_post.id
    bring(alice_client, sid, FIRST)
    with transaction():
        claim = queue.claim_next(queue.IS_HERE)
    assert claim is not None

    assert bring(alice_client, sid).status_code == 303
    rendering.run_job(claim, rendering.render)

    assert (asset_of(sid).state, asset_of(sid).render_id) == ("new", None)
    run_work(app)
    assert alice_client.get(f"/byop/clip?id={sid}").data.startswith(SECOND)


def test_an_address_in_place_of_a_file_is_fetched_whatever_lies_there(
    app: Flask, alice_client: FlaskClient, sid: str, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    def fetched(url: str, target: Path, *_: Any) -> Path:
        asked.append(url)
        target.write_bytes(SECOND)
        return target

    monkeypatch.setattr(rendering, "fetch", fetched)
    url = "https://video.example.com/2"
    assert post(alice_client, "/byop/video", {"sid": sid, "source_url": url}).status_code == 303
    run_work(app)

    assert asked == [url]
    assert db.session.get_one(Submission, sid).source_url == url
    assert alice_client.get(f"/byop/clip?id={sid}").data.startswith(SECOND)


def test_the_form_pressed_twice_is_one_render(alice_client: FlaskClient, sid: str):
    assert [bring(alice_client, sid).status_code for _ in range(2)] == [303, 303]
    first = asset_of(sid).asked_at

    bring(alice_client, sid)

    assert asset_of(sid).asked_at == first


def test_the_same_video_may_be_prepared_again_once_it_is_done(
    app: Flask, alice_client: FlaskClient, sid: str
):
    bring(alice_client, sid)
    run_work(app)
    done = asset_of(sid).render_id

    bring(alice_client, sid)
    run_work(app)

    assert asset_of(sid).render_id != done


@pytest.mark.parametrize("fields", [{}, {"source_url": ""}, {"source_url": "http://10.0.0.1/film.mp4"}])
def test_without_a_video_nothing_changes_and_the_field_says_so(
    fields: dict[str, str], alice_client: FlaskClient, sid: str
):
    answer = post(alice_client, "/byop/video", {"sid": sid, **fields})

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)
    assert asset_of(sid).state == "ready"


def test_an_archived_post_takes_no_video(alice_client: FlaskClient, sid: str):
    post(alice_client, "/byop/archive", {"sid": sid})

    assert alice_client.get(f"/byop/video?id={sid}").status_code == 409
    assert bring(alice_client, sid).status_code == 409
    assert asset_of(sid).state == "ready"


def test_another_partners_post_takes_no_video(mallory_client: FlaskClient, sid: str, tmp_path: Path):
    assert bring(mallory_client, sid).status_code == 404
    assert asset_of(sid).state == "ready"
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_withdrawn_clip_is_nowhere_in_public(
    alice_client: FlaskClient, client: FlaskClient, sid: str, tmp_path: Path
):
    code = links.links_of(sid)["copy"].code
    assert "<video" in page_of(client, f"/p/{code}")

    answer = post(alice_client, "/byop/withdraw", {"sid": sid}, headers=HTMX)

    assert "La suite" in answer.get_data(as_text=True)
    assert answer.headers["HX-Trigger-After-Settle"] == "clip"
    assert 'data-say="C’est retiré' in answer.get_data(as_text=True)
    assert "<video" not in page_of(client, f"/p/{code}")
    for name in ("clip.mp4", "poster.jpg", "cover.jpg", "captions.vtt"):
        assert client.get(f"/p/{code}/{name}").status_code == 404
    card = client.get(f"/l/{code}", headers={"User-Agent": "WhatsApp/2.23"}).get_data(as_text=True)
    assert "/static/share/card-publicite.png" in card and "clip.mp4" not in card
    assert alice_client.get(f"/byop/clip?id={sid}").status_code == 200
    assert post(alice_client, "/byop/withdraw", {"sid": sid}).status_code == 303


def test_a_withdrawn_clip_may_be_approved_again(alice_client: FlaskClient, client: FlaskClient, sid: str):
    post(alice_client, "/byop/withdraw", {"sid": sid})

    post(alice_client, "/byop/approve", {"sid": sid, "render": str(asset_of(sid).render_id)})

    assert public_clip(client, sid) is not None


def test_the_clip_before_is_withdrawn_with_its_files_once_another_is_there(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, sid: str, tmp_path: Path
):
    bring(alice_client, sid)
    run_work(app)

    post(alice_client, "/byop/withdraw", {"sid": sid})

    assert public_clip(client, sid) is None
    assert [path.name for path in (tmp_path / "media" / asset_of(sid).id).iterdir()] == [
        asset_of(sid).render_id
    ]


def test_the_bar_holds_the_step_that_is_due(
    app: Flask, alice_client: FlaskClient, sid: str, monkeypatch: pytest.MonkeyPatch
):
    def due() -> str:
        page = page_of(alice_client, f"/byop/kit?id={sid}")
        return page[page.index('id="due"') :].split('data-due="')[1].split('"')[0]

    assert due() == "share"
    post(alice_client, "/byop/withdraw", {"sid": sid})
    assert due() == "approve"
    for reason, step in (("unreachable", "retry"), ("not_media", "replace")):
        with transaction():
            asset = db.session.get_one(Asset, asset_of(sid).id)
            asset.state, asset.reason = "failed", reason
        assert due() == step
    fragment = alice_client.get(f"/byop/kit?id={sid}&part=due", headers=HTMX).get_data(as_text=True)
    assert fragment.strip().startswith('<div class="bottom-bar') and "<h1" not in fragment


def test_a_clip_that_waits_is_the_next_step_of_the_portal(alice_client: FlaskClient, sid: str):
    assert "Regarder mon clip" not in page_of(alice_client, "/partner/portal")

    post(alice_client, "/byop/withdraw", {"sid": sid})

    page = page_of(alice_client, "/partner/portal")
    assert f'href="/byop/kit?id={sid}#clip"' in page and "Clip à valider" in page
    assert page.index("Regarder mon clip") < page.index('id="posts"')


def test_a_video_that_failed_is_the_next_step_of_the_portal(alice_client: FlaskClient, sid: str):
    with transaction():
        asset = db.session.get_one(Asset, asset_of(sid).id)
        asset.state, asset.reason = "failed", "not_media"

    assert "Voir ce que je peux faire" in page_of(alice_client, "/partner/portal")


def test_what_became_of_the_render_is_said_once(app: Flask, alice_client: FlaskClient, sid: str):
    bring(alice_client, sid)
    url = f"/byop/status?id={sid}&was=busy"
    assert "HX-Trigger-After-Settle" not in alice_client.get(url, headers=HTMX).headers
    run_work(app)

    answer = alice_client.get(url, headers=HTMX)

    assert answer.headers["HX-Trigger-After-Settle"] == "clip"
    assert 'data-say="Ton clip est prêt' in answer.get_data(as_text=True)
    assert "was=busy" not in answer.get_data(as_text=True)


def test_a_clip_that_waits_is_found_among_however_many_newer_posts(
    alice: Partner, alice_client: FlaskClient, sid: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(portal, "LOOKED_AT", 1)
    post(alice_client, "/byop/withdraw", {"sid": sid})
    post(alice_client, "/byop/submit", {"title": "Un autre", "nonce": "other"})

    assert portal.home(alice.id).step.act == "approve"
