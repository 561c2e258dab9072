"""Captions are promised where the server writes them, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentflow.byop.models import Submission
from contentflow.core.db import db, transaction
from contentflow.pipeline import speech
from contentflow.pipeline.models import Asset
from contentflow.pipeline.renders import RenderResult
from tests.house import browser, log_in

PROMISES = ("clip vertical sous-titré", "clip vertical avec sous-titres", "clip-words")


@pytest.fixture
def listens(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The extra “captions” is installed, or not: ``listens(False)``."""

    find = speech.importlib.util.find_spec

    def set_to(is_there: bool) -> None:
        here = find("json") if is_there else None
        monkeypatch.setattr(
            speech.importlib.util,
            "find_spec",
            lambda name, *rest: here if name == "faster_whisper" else find(name, *rest),
        )

    set_to(True)
    return set_to


def pages(app: Flask, partner_id: str) -> str:
    return "".join(
        client.get(url).get_data(as_text=True)
        for client, url in ((browser(app), "/"), (log_in(browser(app), partner_id), "/byop/new"))
    )


def test_where_a_model_is_set_captions_are_promised(make_app: Any, listens: Any, alice: Any, offer: Any):
    page = pages(make_app(WHISPER_MODEL="small"), alice.id)

    assert [promise for promise in PROMISES if promise not in page] == []


@pytest.mark.parametrize(
    ("model", "is_there"), [("", True), ("small", False), ("/nowhere/models/small", True)]
)
def test_where_nobody_writes_captions_none_are_promised(
    model: str, is_there: bool, make_app: Any, listens: Any, alice: Any, offer: Any
):
    listens(is_there)

    page = pages(make_app(WHISPER_MODEL=model), alice.id)

    assert [promise for promise in PROMISES if promise in page] == []
    assert "clip vertical" in page


def doctor(app: Flask) -> tuple[str, bool]:
    from contentflow.core.registry import Remark, registry

    with app.app_context():
        found = registry().doctor["captions"]()
        db.session.rollback()
    return found or "", isinstance(found, Remark)


def test_doctor_says_that_there_are_none_and_calls_it_no_fault(make_app: Any):
    said, is_remark = doctor(make_app())

    assert is_remark and "no automatic captions" in said


def test_doctor_says_what_is_missing_for_the_model_that_was_set(make_app: Any, listens: Any, tmp_path: Path):
    assert doctor(make_app(WHISPER_MODEL=str(tmp_path))) == ("", False)
    assert "not there" in doctor(make_app(WHISPER_MODEL="/nowhere/small"))[0]
    listens(False)
    assert "install the extra" in doctor(make_app(WHISPER_MODEL="small"))[0]


def test_a_remark_is_no_failure_of_doctor(app: Flask, monkeypatch: pytest.MonkeyPatch):
    from contentflow.core.registry import Remark, registry

    monkeypatch.setattr(registry(app), "doctor", {"captions": lambda: Remark("none")})
    well = app.test_cli_runner().invoke(args=["doctor", "--json"], standalone_mode=False)
    monkeypatch.setattr(registry(app), "doctor", {"captions": lambda: "broken"})
    ill = app.test_cli_runner().invoke(args=["doctor", "--json"], standalone_mode=False)

    assert json.loads(well.output) == [{"part": "captions", "finding": "none"}]
    assert (well.return_value, ill.return_value) == (0, 1)


@pytest.mark.parametrize(
    ("words", "name"),
    [([[0.0, 0.5, "bonjour"]], "Ou tes sous-titres (.srt)"), ([], "Tes sous-titres (.srt)")],
)
def test_the_field_for_a_file_is_a_second_choice_only_beside_words(
    words: list[Any],
    name: str,
    app: Flask,
    alice_client: FlaskClient,
    alices_post: Submission,
    tmp_path: Path,
):
    with transaction():
        asset = db.session.get_one(Asset, alices_post.asset_id)
        asset.has_video, asset.state, asset.render_id = True, "ready", "R" * 22
        asset.details = {**asset.details, "download_url": "https://video.example.com/1"}
        asset.result = RenderResult(start=0.0, seconds=5.0, video_seconds=5.0, words=words, captions="nobody")

    page = alice_client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True)

    label = page[page.index('<label for="subtitles">') :].partition("</label>")[0]
    assert name in label and ("Ou " in label) == ("Ou " in name)


def test_a_step_that_nobody_does_is_not_named(make_app: Any, alice: Any, alices_post: Submission):
    with transaction():
        asset = db.session.get_one(Asset, alices_post.asset_id)
        asset.has_video, asset.state, asset.step = True, "processing", "listen"

    page = (
        log_in(browser(make_app()), alice.id).get(f"/byop/status?id={alices_post.id}").get_data(as_text=True)
    )

    assert "Montage du clip" in page and "Écriture des sous-titres" not in page
