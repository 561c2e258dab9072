"""A video that is on its way holds no more than its place: no database, not all threads."""

from __future__ import annotations

import html
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentflow.byop import services as byop
from contentflow.byop import uploads
from contentflow.core.db import db, in_transaction, transaction
from contentflow.pipeline import media_store
from contentflow.pipeline.media_store import FLOOR_BYTES
from contentflow.portal import services as portal
from tests.house import browser, csrf, log_in, post

pytestmark = pytest.mark.usefixtures("offer")

BODY = (
    b'--x\r\nContent-Disposition: form-data; name="video"; filename="film.mp4"\r\n\r\n'
    + b"x" * 200_000
    + b"\r\n--x--\r\n"
)


class Slow(io.BytesIO):
    """A body; ``meanwhile`` is called once, while it is read."""

    def __init__(self, meanwhile: Any) -> None:
        super().__init__(BODY)
        self._meanwhile = meanwhile

    def readinto(self, buffer: Any) -> int:
        if act := self._meanwhile:
            self._meanwhile = None
            act()
        return super().readinto(buffer)


def send(client: FlaskClient, meanwhile: Any = None) -> Any:
    return client.post(
        "/byop/submit",
        input_stream=Slow(meanwhile),
        content_length=len(BODY),
        content_type="multipart/form-data; boundary=x",
        headers={"X-CSRFToken": csrf(client)},
    )


class Disk:
    """A disk with ``free`` bytes."""

    def __init__(self) -> None:
        self.free = FLOOR_BYTES + 10 * len(BODY)

    def usage(self, path: Any) -> Any:
        return SimpleNamespace(free=self.free)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(media_store.shutil, "disk_usage", disk.usage)
    return disk


def test_no_transaction_stays_open_while_a_video_arrives(alice_client: FlaskClient):
    seen: list[bool] = []

    assert send(alice_client, lambda: seen.append(db.session().in_transaction())).status_code == 303
    assert seen == [False]


def test_a_partner_sends_so_many_videos_at_a_time_and_others_still_send_theirs(
    app: Flask, alice: Any, bob_client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "MAX_UPLOADS_PER_PARTNER", 1)
    first, second = (log_in(browser(app), alice.id) for _ in range(2))
    answers: list[Any] = []

    def meanwhile() -> None:
        answers.append(send(second))
        answers.append(send(bob_client))

    assert send(first, meanwhile).status_code == 303
    assert [answer.status_code for answer in answers] == [429, 303]
    assert int(answers[0].headers["Retry-After"]) > 0
    assert send(second).status_code == 303
    assert list((tmp_path / "uploads").iterdir()) == []


def test_uploads_never_take_all_threads(
    app: Flask, alice_client: FlaskClient, bob_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "MAX_UPLOADS", 1)
    answers: list[Any] = []

    assert send(alice_client, lambda: answers.append(send(bob_client))).status_code == 303
    assert [answer.status_code for answer in answers] == [429]


def test_there_are_more_threads_than_uploads():
    from contentflow.config import ROOT

    [line] = [
        line for line in (ROOT / "gunicorn.conf.py").read_text().splitlines() if line.startswith("threads")
    ]

    assert int(line.split()[2]) >= uploads.MAX_UPLOADS + 8


def test_the_disk_is_waited_for_before_the_transaction(
    alice_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    waits: list[bool] = []
    monkeypatch.setattr("os.fsync", lambda descriptor: waits.append(in_transaction()))

    assert send(alice_client).status_code == 303
    assert waits[0] is False


def test_a_video_that_would_fill_the_disk_is_refused_before_it_is_kept(
    alice_client: FlaskClient, alice: Any, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    disk.free = FLOOR_BYTES + len(BODY) - 1
    monkeypatch.setattr(media_store.MediaStore, "open_upload", None)

    refused = send(alice_client)

    assert refused.status_code == 507
    assert "plus assez de place" in refused.get_data(as_text=True)
    assert byop.list_submissions(alice.id) == []


def test_a_video_that_just_fits_is_taken(alice_client: FlaskClient, disk: Disk):
    disk.free = FLOOR_BYTES + len(BODY)

    assert send(alice_client).status_code == 303


def test_a_video_whose_room_goes_while_it_arrives_is_refused_and_nothing_is_kept(
    alice_client: FlaskClient, alice: Any, disk: Disk, tmp_path: Path
):
    refused = send(alice_client, lambda: setattr(disk, "free", FLOOR_BYTES - 1))

    assert refused.status_code == 507
    assert list((tmp_path / "uploads").iterdir()) == []
    assert byop.list_submissions(alice.id) == []
    disk.free *= 2
    assert send(alice_client).status_code == 303


def test_a_full_disk_stops_no_post_of_words(alice_client: FlaskClient, disk: Disk):
    disk.free = 0
    data = {"title": "Titre", "video": (io.BytesIO(b""), "")}

    answer = post(alice_client, "/byop/submit", data, content_type="multipart/form-data")

    assert answer.status_code == 303


@pytest.mark.parametrize("url", ["", "https://video.example.com/1"])
def test_an_empty_file_is_refused_at_its_field_and_is_no_post_of_words(
    url: str, alice_client: FlaskClient, alice: Any, tmp_path: Path
):
    data = {"title": "Une heure", "source_url": url, "video": (io.BytesIO(b""), "film.mp4")}

    answer = post(alice_client, "/byop/submit", data, content_type="multipart/form-data")

    assert answer.status_code == 422
    page = html.unescape(answer.text)
    assert "Ce fichier est vide : choisis-le à nouveau" in page
    assert 'value="Une heure"' in page
    assert byop.list_submissions(alice.id) == []
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_video_that_arrives_after_its_partner_left_is_no_post(
    alice_client: FlaskClient, alice: Any, tmp_path: Path
):
    def leave() -> None:
        with transaction():
            portal.erase(alice.id, "ERASE")

    assert send(alice_client, leave).status_code == 404

    assert byop.list_submissions(alice.id) == []
    assert list((tmp_path / "uploads").iterdir()) == []
    assert not (tmp_path / "originals").exists()
