"""Another try of a clip: pressed twice, from an old tab, and offered only where it can help."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from contentflow.byop.models import Submission
from contentflow.core.db import db, transaction
from contentflow.pipeline.models import Asset
from contentflow.pipeline.reasons import SENTENCES, Failure
from contentflow.pipeline.renders import RenderOptions, RenderResult
from tests.house import post

HTMX = {"HX-Request": "true"}
RESULT = RenderResult(start=0.0, seconds=5.0, video_seconds=9.0)

pytestmark = pytest.mark.usefixtures("offer")


@pytest.fixture
def sid(alice_client: FlaskClient) -> str:
    """Alice's post with a video that was sent."""
    data = {"video": (io.BytesIO(b"a film"), "film.mp4"), "title": "Une heure", "cta": "Essaye"}
    answer = post(alice_client, "/byop/submit", data, content_type="multipart/form-data")
    return str(answer.headers["Location"]).rpartition("=")[2]


def asset_of(sid: str) -> Asset:
    db.session.rollback()
    return db.session.get_one(Asset, db.session.get_one(Submission, sid).asset_id)


def end(sid: str, state: str, **values: Any) -> None:
    with transaction():
        submission = db.session.get_one(Submission, sid)
        submission.status = state
        asset = db.session.get_one(Asset, submission.asset_id)
        for name, value in {"state": state, **values}.items():
            setattr(asset, name, value)


def status_of(page: str) -> str:
    return re.search(r'data-status="(\w*)"', page)[1]  # type: ignore[index]


def buttons(page: str) -> list[tuple[str, str]]:
    """The buttons of the clip's card: look and text, in their order."""
    card = page[page.index('id="clip"') :].partition("</section>")[0]
    return re.findall(r'class="btn btn-(\w+)[^"]*"[^>]*>.*?<span>([^<]+)</span>', card)


def test_a_second_press_shows_the_status_as_the_first_did(alice_client: FlaskClient, sid: str):
    end(sid, "failed", reason="interrupted")

    answers = [post(alice_client, "/byop/retry", {"sid": sid}, headers=HTMX) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [status_of(answer.get_data(as_text=True)) for answer in answers] == ["new", "new"]


def test_a_second_press_without_script_goes_to_the_kit_as_the_first_did(alice_client: FlaskClient, sid: str):
    end(sid, "failed", reason="interrupted")

    answers = [post(alice_client, "/byop/retry", {"sid": sid}) for _ in range(2)]

    assert [(a.status_code, a.headers["Location"]) for a in answers] == 2 * [(303, f"/byop/kit?id={sid}")]


@pytest.mark.parametrize(
    "options", [{"framing": "crop", "start": "3,5"}, {"text": "bonsoir"}, {"subtitles": "file"}, {}]
)
def test_the_same_options_pressed_twice_are_one_render(
    options: dict[str, Any], alice_client: FlaskClient, sid: str
):
    result = RenderResult(start=0.0, words=((0.0, 0.5, "bonjour"),))
    end(sid, "ready", render_id="render", result=result)

    def press() -> int:
        srt = io.BytesIO(b"1\n00:00:00,000 --> 00:00:01,000\nBonjour\n")
        given = {"subtitles": (srt, "words.srt")} if "subtitles" in options else options
        data = {"sid": sid, **given}
        return post(alice_client, "/byop/retry", data, content_type="multipart/form-data").status_code

    assert press() == 303
    wanted = asset_of(sid).options
    assert press() == 303
    assert (asset_of(sid).state, asset_of(sid).options) == ("new", wanted)


def test_other_options_while_a_clip_is_made_are_refused_and_change_nothing(
    alice_client: FlaskClient, sid: str
):
    post(alice_client, "/byop/retry", {"sid": sid})

    refused = post(alice_client, "/byop/retry", {"sid": sid, "framing": "crop"})

    assert refused.status_code == 409
    assert "en cours" in refused.get_data(as_text=True)
    assert asset_of(sid).options == RenderOptions()


def test_another_try_from_an_old_tab_leaves_the_clip_that_was_made_since(alice_client: FlaskClient, sid: str):
    end(sid, "failed", reason="interrupted")
    page = alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)
    form = page[page.index('action="/byop/retry"') :].partition("</form>")[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    del fields["csrf_token"]
    end(sid, "ready", render_id="render", approved_render_id="render", result=RESULT)

    answer = post(alice_client, "/byop/retry", fields, headers=HTMX)

    assert (answer.status_code, status_of(answer.get_data(as_text=True))) == (200, "ready")
    assert asset_of(sid).is_approved
    assert db.session.get_one(Submission, sid).status == "ready"


@pytest.mark.parametrize("reason", [Failure.UNREACHABLE, Failure.BUSY, Failure.INTERRUPTED, Failure.CLOSED])
def test_where_it_can_help_another_try_comes_first(reason: Failure, alice_client: FlaskClient, sid: str):
    end(sid, "failed", reason=reason.value)

    page = alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)

    assert buttons(page) == [("primary", "Réessayer"), ("plain", "Changer de vidéo")]


@pytest.mark.parametrize("reason", [Failure.NOT_MEDIA, Failure.TOO_LONG, Failure.GONE, Failure.PROTECTED])
def test_where_only_another_video_helps_that_comes_first(
    reason: Failure, alice_client: FlaskClient, sid: str
):
    end(sid, "failed", reason=reason.value)

    page = alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)

    assert buttons(page) == [("primary", "Changer de vidéo")]


@pytest.mark.parametrize("reason", list(Failure))
def test_who_is_told_to_try_again_can_and_who_is_not_is_not_asked_to(reason: Failure):
    told = str(SENTENCES[reason])

    assert reason.may_pass or "réessaie" not in told


def test_another_video_is_offered_for_the_same_post(alice_client: FlaskClient, sid: str):
    end(sid, "failed", reason="not_media")
    page = alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)

    assert page.count(f'href="/byop/video?id={sid}"') == 2  # In the clip's card and in the bar.


def test_a_new_render_that_fails_leaves_the_clip_before_to_look_at_and_approve(
    alice_client: FlaskClient, sid: str
):
    end(sid, "failed", reason="gone", render_id="before", result=RESULT)
    page = alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)
    assert f'src="/byop/clip?id={sid}&amp;v=before"' in page
    assert buttons(page)[-1] == ("plain", "Valider ce clip")

    answer = post(alice_client, "/byop/approve", {"sid": sid, "render": "before"}, headers=HTMX)

    assert status_of(answer.get_data(as_text=True)) == "ready"
    assert asset_of(sid).is_approved
    assert (asset_of(sid).reason, asset_of(sid).percent) == (None, 100)
    assert db.session.get_one(Submission, sid).status == "ready"


@pytest.mark.parametrize(
    ("render", "before"), [("", "before"), ("other", "before"), ("be\0fore", "before"), ("", None)]
)
def test_a_failure_is_approved_by_nobody(
    render: str, before: str | None, alice_client: FlaskClient, sid: str
):
    end(sid, "failed", reason="gone", render_id=before, result=RESULT)

    assert post(alice_client, "/byop/approve", {"sid": sid, "render": render}).status_code == 409
    assert (asset_of(sid).state, asset_of(sid).approved_render_id) == ("failed", None)


def test_an_empty_file_of_subtitles_is_refused_and_nothing_is_made_again(alice_client: FlaskClient, sid: str):
    end(sid, "ready", result=RESULT, render_id="one")
    data = {"sid": sid, "subtitles": (io.BytesIO(b""), "words.srt")}

    answer = post(alice_client, "/byop/retry", data, content_type="multipart/form-data")

    assert answer.status_code == 422
    assert asset_of(sid).state == "ready"
