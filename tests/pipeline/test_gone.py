"""Files go when their partner or their days do, whatever happens in between."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.maintenance import maintenance
from contentflow.partners.models import Partner
from contentflow.pipeline import rendering, services
from contentflow.pipeline.models import Asset
from contentflow.pipeline.renders import RenderOptions, RenderResult
from tests.house import post, run_work

pytestmark = pytest.mark.usefixtures("offer")


def files_under(folder: Path) -> list[str]:
    kinds = ("uploads", "originals", "work", "media")
    return sorted(path.name for kind in kinds for path in (folder / kind).rglob("*") if path.is_file())


def send(client: FlaskClient) -> None:
    data = {"video": (io.BytesIO(b"a film"), "film.mp4")}
    assert post(client, "/byop/submit", data, content_type="multipart/form-data").status_code == 303


def the_asset() -> Asset:
    db.session.rollback()
    [asset] = db.session.scalars(db.select(Asset))
    return asset


def tidy() -> None:
    for act in maintenance().hourly.values():
        act()


def erase(partner: Partner) -> Callable[[], None]:
    def act() -> None:
        with transaction():
            own = db.select(Asset.id).where(Asset.partner_id == partner.id)
            services.erase_assets(list(db.session.scalars(own)))

    return act


@pytest.mark.usefixtures("meanwhile")
def test_erasure_takes_the_clip_and_what_was_said_in_it(
    app: Flask, alice: Partner, alice_client: FlaskClient, tmp_path: Path
):
    send(alice_client)
    run_work(app)
    post(alice_client, "/byop/retry", {"sid": "x", "text": "secret"})
    assert "confidence" in str(the_asset().result)

    erase(alice)()

    asset = the_asset()
    assert (asset.render_id, asset.original_at, asset.result, asset.options) == (
        None,
        None,
        RenderResult(),
        RenderOptions(),
    )
    assert files_under(tmp_path) == []


def test_a_render_that_goes_on_during_the_erasure_leaves_nothing(
    app: Flask,
    alice: Partner,
    alice_client: FlaskClient,
    meanwhile: list[Callable[[], object]],
    tmp_path: Path,
):
    send(alice_client)
    meanwhile.append(erase(alice))

    run_work(app)

    assert (the_asset().state, the_asset().render_id) == ("failed", None)
    assert files_under(tmp_path) == []


@pytest.mark.usefixtures("meanwhile")
def test_a_video_that_arrives_after_the_erasure_is_not_kept(
    app: Flask, alice: Partner, alice_client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fetch(url: str, target: Path, *_: Any) -> Path:
        erase(alice)()
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"a film")
        return target

    monkeypatch.setattr(rendering, "fetch", fetch)
    post(alice_client, "/byop/submit", {"source_url": "https://video.example.com/1"})

    run_work(app)

    assert files_under(tmp_path) == []


@pytest.mark.usefixtures("meanwhile")
def test_files_that_outlived_the_erasure_go_with_the_next_tidying(
    app: Flask, alice: Partner, alice_client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The process died after the commit, before it removed a file."""
    send(alice_client)
    run_work(app)
    left = tmp_path / "work" / f"{the_asset().id}-lease"
    left.mkdir(parents=True)
    (left / "samples.raw").write_bytes(b"pixels")
    monkeypatch.setattr(services, "after_commit", lambda act: None)
    erase(alice)()
    assert len(files_under(tmp_path)) == 3

    tidy()

    assert files_under(tmp_path) == []


@pytest.mark.usefixtures("meanwhile")
def test_an_original_without_a_date_is_not_kept_for_ever(
    app: Flask, alice_client: FlaskClient, tmp_path: Path
):
    """A worker was killed between the file and its date."""
    send(alice_client)
    run_work(app)
    with transaction():
        the_asset_id = db.session.scalars(db.select(Asset.id)).one()
        db.session.get_one(Asset, the_asset_id).original_at = None

    tidy()

    assert files_under(tmp_path) == ["clip.mp4"]


def test_a_file_whose_row_is_on_its_way_is_left_alone(app: Flask, tmp_path: Path):
    original = tmp_path / "originals" / ("0" * 22)
    original.parent.mkdir(parents=True)
    original.write_bytes(b"a film")

    tidy()
    assert original.exists()

    with time_machine.travel(clock.now() + timedelta(days=1)):
        tidy()
    assert not original.exists()
