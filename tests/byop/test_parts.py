"""A video in parts: it goes on where the line broke, has its bounds, and is nobody else's."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from contentflow.byop import services as byop
from contentflow.byop import uploads
from contentflow.core.db import db, transaction
from contentflow.core.maintenance import maintenance
from contentflow.pipeline import arrivals, media_store
from contentflow.pipeline.media_store import FLOOR_BYTES
from contentflow.pipeline.models import Asset
from tests.house import csrf, post, run_work

FILM = bytes(range(256)) * 1000

pytestmark = pytest.mark.usefixtures("offer", "quick")


def begin(
    client: FlaskClient, size: int = len(FILM), name: str = "film.mp4", modified: str = "1"
) -> TestResponse:
    return post(client, "/byop/part/begin", {"name": name, "size": str(size), "modified": modified})


def go_on(client: FlaskClient, part_id: str, at: int, piece: bytes) -> TestResponse:
    headers = {"X-CSRFToken": csrf(client)}
    return client.post(f"/byop/part?id={part_id}&at={at}", data=piece, headers=headers)


def whole(client: FlaskClient, film: bytes = FILM, **about: str) -> str:
    part_id = str(begin(client, len(film), **about).json["id"])  # type: ignore[index]
    for at in range(0, len(film), 100_000):
        assert go_on(client, part_id, at, film[at : at + 100_000]).status_code == 200
    return part_id


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "uploads").glob("*"))


def sid_of(answer: TestResponse) -> str:
    return str(answer.headers["Location"]).rpartition("=")[2]


def original(tmp_path: Path, sid: str) -> bytes:
    db.session.rollback()
    return (tmp_path / "originals" / db.session.get_one(byop.Submission, sid).asset_id).read_bytes()


def test_the_parts_of_a_video_become_a_post(alice_client: FlaskClient, tmp_path: Path):
    part_id = whole(alice_client)

    answer = post(alice_client, "/byop/submit", {"part": part_id, "title": "Une heure"})

    assert answer.status_code == 303
    assert original(tmp_path, sid_of(answer)) == FILM


def test_the_parts_of_a_video_take_the_place_of_another(
    app: Flask, alice_client: FlaskClient, alices_post: Any, tmp_path: Path
):
    run_work(app)
    part_id = whole(alice_client)

    assert post(alice_client, "/byop/video", {"sid": alices_post.id, "part": part_id}).status_code == 303
    assert original(tmp_path, alices_post.id) == FILM


def test_the_same_file_goes_on_where_it_was_left(alice_client: FlaskClient):
    part_id = begin(alice_client).json["id"]  # type: ignore[index]
    go_on(alice_client, part_id, 0, FILM[:1000])

    assert begin(alice_client).json == {"id": part_id, "at": 1000}
    assert begin(alice_client, modified="2").json["at"] == 0  # type: ignore[index]


def test_what_came_before_the_line_broke_stays(app: Flask, alice_client: FlaskClient):
    part_id = begin(alice_client).json["id"]  # type: ignore[index]
    headers = {"X-CSRFToken": csrf(alice_client)}

    answer = alice_client.post(
        f"/byop/part?id={part_id}&at=0",
        input_stream=io.BytesIO(FILM[:70_000]),
        content_length=100_000,
        headers=headers,
    )

    assert (answer.status_code, answer.json["at"]) == (200, 70_000)  # type: ignore[index]


@pytest.mark.parametrize("at", [0, 999, 1001, -1])
def test_a_piece_that_does_not_fit_on_is_not_written_and_the_answer_tells_where(
    at: int, alice_client: FlaskClient, tmp_path: Path
):
    part_id = begin(alice_client).json["id"]  # type: ignore[index]
    go_on(alice_client, part_id, 0, FILM[:1000])

    assert go_on(alice_client, part_id, at, b"again").json["at"] == 1000  # type: ignore[index]
    assert files(tmp_path)[0].read_bytes() == FILM[:1000]


def test_the_form_pressed_twice_is_one_post(alice_client: FlaskClient, alice: Any):
    part_id = whole(alice_client)

    answers = [post(alice_client, "/byop/submit", {"part": part_id, "nonce": "n"}) for _ in range(2)]

    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert len(byop.list_submissions(alice.id)) == 1


def test_a_refused_form_keeps_the_video_that_arrived(alice_client: FlaskClient):
    part_id = whole(alice_client)

    page = post(alice_client, "/byop/submit", {"part": part_id, "title": "x" * 121}).get_data(as_text=True)

    assert f'name="part" value="{part_id}" checked' in page


@pytest.mark.parametrize("part_id", ["", "x", "../../secret_key", "0" * 32 + "-5", "\x00"])
def test_a_part_that_is_not_there_is_missing(part_id: str, alice_client: FlaskClient):
    assert go_on(alice_client, "0" * 32 + "-5", 0, b"x").status_code == 404
    if part_id:
        answer = post(alice_client, "/byop/submit", {"part": part_id, "title": "Titre"})
        assert answer.status_code == 422
        assert "choisis-la à nouveau" in answer.get_data(as_text=True)


def test_a_part_that_is_not_whole_is_no_video(alice_client: FlaskClient, alice: Any):
    part_id = begin(alice_client).json["id"]  # type: ignore[index]
    go_on(alice_client, part_id, 0, FILM[:1000])

    assert post(alice_client, "/byop/submit", {"part": part_id}).status_code == 422
    assert byop.list_submissions(alice.id) == []


def test_nobody_else_reaches_a_part(alice_client: FlaskClient, mallory_client: FlaskClient, tmp_path: Path):
    part_id = whole(alice_client)

    assert go_on(mallory_client, part_id, len(FILM), b"").status_code == 404
    assert post(mallory_client, "/byop/submit", {"part": part_id}).status_code == 422
    post(mallory_client, "/byop/part/drop", {"id": part_id})
    assert files(tmp_path)[0].read_bytes() == FILM


def test_an_upload_that_is_taken_back_leaves_nothing(alice_client: FlaskClient, tmp_path: Path):
    part_id = whole(alice_client)

    assert [post(alice_client, "/byop/part/drop", {"id": part_id}).status_code for _ in range(2)] == [
        204,
        204,
    ]
    assert files(tmp_path) == []


def test_no_more_comes_than_was_announced(alice_client: FlaskClient, tmp_path: Path):
    part_id = begin(alice_client, size=10).json["id"]  # type: ignore[index]

    assert go_on(alice_client, part_id, 0, b"x" * 11).status_code == 413
    assert files(tmp_path)[0].stat().st_size <= 10


def test_a_piece_has_a_limit_of_its_own(alice_client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arrivals, "PIECE_BYTES", 1000)
    part_id = begin(alice_client).json["id"]  # type: ignore[index]

    assert go_on(alice_client, part_id, 0, FILM[:1001]).status_code == 413


@pytest.mark.parametrize("size", [0, -1, 500 * 1024 * 1024 + 1])
def test_what_is_too_large_or_nothing_is_not_begun(size: int, alice_client: FlaskClient, tmp_path: Path):
    assert begin(alice_client, size=size).status_code == 413
    assert files(tmp_path) == []


def test_a_video_that_would_fill_the_disk_is_not_begun(
    alice_client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    part_id = begin(alice_client).json["id"]  # type: ignore[index]
    free = media_store.shutil.disk_usage(tmp_path)._replace(free=FLOOR_BYTES + 100)
    monkeypatch.setattr(media_store.shutil, "disk_usage", lambda _: free)

    assert begin(alice_client, name="other.mp4").status_code == 507
    assert go_on(alice_client, part_id, 0, FILM[:101]).status_code == 507
    assert len(files(tmp_path)) == 1


def test_of_many_begun_the_one_left_longest_goes(alice_client: FlaskClient, tmp_path: Path):
    for number in range(arrivals.MAX_OF_A_PARTNER + 2):
        begin(alice_client, name=f"{number}.mp4", size=number + 1)
        [begun] = [path for path in files(tmp_path) if path.name.endswith(f"-{number + 1}")]
        os.utime(begun, (number + 1, time.time() - 60 + number))

    left = files(tmp_path)
    assert len(left) == arrivals.MAX_OF_A_PARTNER
    assert {path.name.rpartition("-")[2] for path in left} == {"3", "4", "5", "6"}


def test_pieces_take_the_place_of_an_upload(alice_client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    part_id = begin(alice_client).json["id"]  # type: ignore[index]
    monkeypatch.setattr(uploads, "MAX_UPLOADS_PER_PARTNER", 0)

    assert go_on(alice_client, part_id, 0, b"x").status_code == 429


def test_what_nobody_touched_for_hours_goes(app: Flask, alice_client: FlaskClient, tmp_path: Path):
    begin(alice_client, name="old.mp4")
    [old] = files(tmp_path)
    os.utime(old, (1, time.time() - media_store.STALE_SECONDS - 1))
    begin(alice_client, name="new.mp4")

    for act in maintenance().hourly.values():
        act()

    assert old not in files(tmp_path) and len(files(tmp_path)) == 1


def test_erasure_takes_parts_along(app: Flask, alice: Any, alice_client: FlaskClient, tmp_path: Path):
    whole(alice_client)

    assert post(alice_client, "/partner/erase", {"confirm": "ERASE"}).status_code in (200, 303)
    run_work(app)

    assert files(tmp_path) == []


def test_a_file_in_the_form_goes_before_a_part(alice_client: FlaskClient, tmp_path: Path):
    data = {"part": whole(alice_client), "video": (io.BytesIO(b"another film"), "film.mp4")}

    answer = post(alice_client, "/byop/submit", data, content_type="multipart/form-data")

    assert original(tmp_path, sid_of(answer)) == b"another film"


def test_no_stranger_begins_a_part(client: FlaskClient):
    assert client.post("/byop/part/begin").status_code == 303
    assert client.post("/byop/part?id=x&at=0").status_code == 303


def test_a_part_goes_before_an_address(alice_client: FlaskClient):
    fields = {"part": whole(alice_client), "source_url": "http://10.0.0.1/"}

    sid = sid_of(post(alice_client, "/byop/submit", fields))

    with transaction():
        asset = db.session.get_one(Asset, db.session.get_one(byop.Submission, sid).asset_id)
        assert asset.original_at is not None
