"""A video that is on its way holds no more than its place: no database, not all threads."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentflow.byop import uploads
from contentflow.core.db import db, in_transaction
from tests.house import browser, csrf, log_in

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


def test_no_transaction_stays_open_while_a_video_arrives(alice_client: FlaskClient):
    seen: list[bool] = []

    assert send(alice_client, lambda: seen.append(db.session().in_transaction())).status_code == 303
    assert seen == [False]


def test_a_partner_sends_so_many_videos_at_a_time_and_others_still_send_theirs(
    app: Flask, alice: Any, bob_client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "MOST_OF_A_PARTNER", 1)
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
    monkeypatch.setattr(uploads, "MOST_AT_A_TIME", 1)
    answers: list[Any] = []

    assert send(alice_client, lambda: answers.append(send(bob_client))).status_code == 303
    assert [answer.status_code for answer in answers] == [429]


def test_there_are_more_threads_than_uploads():
    from contentflow.config import ROOT

    [line] = [
        line for line in (ROOT / "gunicorn.conf.py").read_text().splitlines() if line.startswith("threads")
    ]

    assert int(line.split()[2]) >= uploads.MOST_AT_A_TIME + 8


def test_the_disk_is_waited_for_before_the_transaction(
    alice_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    waits: list[bool] = []
    monkeypatch.setattr("os.fsync", lambda descriptor: waits.append(in_transaction()))

    assert send(alice_client).status_code == 303
    assert waits[0] is False
