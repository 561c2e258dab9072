"""The public clip: ranges as players ask for them, and nothing to be found by trying codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentflow.byop.models import Submission
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.pipeline.models import Asset

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def clip_url(app: Flask, alices_post: Submission, tmp_path: Path) -> str:
    """Alice's approved clip."""
    with transaction():
        asset = db.session.get_one(Asset, alices_post.asset_id)
        asset.has_video, asset.state = True, "ready"
        asset.render_id = asset.approved_render_id = "render"
    folder = tmp_path / "media" / alices_post.asset_id / "render"
    folder.mkdir(parents=True)
    (folder / "clip.mp4").write_bytes(CONTENT)
    return f"/p/{links.links_of(alices_post.id)['copy'].code}/clip.mp4"


@pytest.mark.parametrize(
    ("asked", "part"),
    [("bytes=0-9", CONTENT[:10]), ("bytes=-5", CONTENT[-5:]), ("bytes=1000-9999", CONTENT[1000:])],
)
def test_one_range_is_answered_with_it(asked: str, part: bytes, client: FlaskClient, clip_url: str):
    answer = client.get(clip_url, headers={"Range": asked})

    assert (answer.status_code, answer.data, answer.mimetype) == (206, part, "video/mp4")


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=abc", "bytes=5-2", "pages=0-1", "bytes=", "bytes=--5"]
)
def test_what_is_no_single_range_is_answered_with_all(asked: str, client: FlaskClient, clip_url: str):
    answer = client.get(clip_url, headers={"Range": asked})

    assert (answer.status_code, answer.data) == (200, CONTENT)


def test_a_range_beyond_the_end_is_told_where_the_end_is(client: FlaskClient, clip_url: str):
    answer = client.get(clip_url, headers={"Range": "bytes=1024-"})

    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */1024")
    assert "Content-Security-Policy" in answer.headers


def test_trying_codes_for_their_clips_is_limited_too(app: Flask, client: FlaskClient):
    object.__setattr__(app.config["CONTENTFLOW"], "unknown_code_per_minute", 2)

    assert [client.get("/p/0000000/clip.mp4").status_code for _ in range(3)] == [404, 404, 429]


def test_asking_for_the_head_alone_tells_the_length(client: FlaskClient, clip_url: str):
    answer = client.head(clip_url)

    assert (answer.status_code, answer.data, answer.content_length) == (200, b"", len(CONTENT))
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_part_of_another_render_is_never_given_for_the_rest_of_one(client: FlaskClient, clip_url: str):
    etag = client.get(clip_url).headers["ETag"]

    same = client.get(clip_url, headers={"Range": "bytes=0-9", "If-Range": etag})
    other = client.get(clip_url, headers={"Range": "bytes=0-9", "If-Range": '"another"'})

    assert (same.status_code, same.data) == (206, CONTENT[:10])
    assert (other.status_code, other.data) == (200, CONTENT)


def test_nobody_keeps_a_public_clip_without_asking_again(client: FlaskClient, clip_url: str):
    answer = client.get(clip_url)

    assert "no-cache" in answer.headers["Cache-Control"] or "max-age=0" in answer.headers["Cache-Control"]
    assert client.get(clip_url, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
