"""What was chosen for a clip, and what came of it, as it stands in the database."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from contentflow.core.db import db, transaction
from contentflow.pipeline.models import Asset
from contentflow.pipeline.renders import RenderOptions, RenderResult

BONJOUR = (0.0, 0.5, "bonjour")
MADE = RenderResult(
    video_seconds=9.0, start=0.0, seconds=5.0, framing="blur", captions="heard", words=(BONJOUR,), covers=3
)


def kept(**values: object) -> str:
    with transaction():
        asset = Asset(details={}, has_video=True, state="ready", **values)
        db.session.add(asset)
        db.session.flush()
        asset_id = asset.id
    db.session.expire_all()
    return asset_id


@pytest.mark.parametrize(
    "result", [RenderResult(), MADE, RenderResult(start=1.5, cover=2, has_captions=True)]
)
def test_a_result_comes_back_as_it_was_kept(app: Flask, result: RenderResult):
    assert db.session.get_one(Asset, kept(result=result)).result == result


@pytest.mark.parametrize("options", [RenderOptions(), RenderOptions(text="", heard=(BONJOUR,), start=0.0)])
def test_options_come_back_as_they_were_kept(app: Flask, options: RenderOptions):
    assert db.session.get_one(Asset, kept(options=options)).options == options


def test_keys_of_another_version_are_left_out(app: Flask):
    asset_id = kept()
    with transaction():
        db.session.execute(
            text("UPDATE assets SET facts = :facts WHERE id = :id"),
            {"facts": '{"start": 2.0, "words": [[0.0, 0.5, "bonjour"]], "mood": "gay"}', "id": asset_id},
        )
    db.session.expire_all()

    assert db.session.get_one(Asset, asset_id).result == RenderResult(start=2.0, words=(BONJOUR,))


def test_what_is_not_wanted_otherwise_stays():
    before = RenderOptions(framing="crop", start=3.0)

    assert before.changed(RenderOptions(), MADE) == before
    assert before.changed(RenderOptions(framing="blur"), MADE) == RenderOptions(framing="blur", start=3.0)


def test_the_part_that_was_found_stays_with_other_options():
    assert RenderOptions().changed(RenderOptions(framing="crop"), MADE).start == 0.0


def test_corrected_words_take_the_place_of_a_file_and_the_other_way_round():
    corrected = RenderOptions(subtitles=(BONJOUR,)).changed(RenderOptions(text="bonsoir"), MADE)
    assert (corrected.text, corrected.heard, corrected.subtitles) == ("bonsoir", (BONJOUR,), ())

    uploaded = corrected.changed(RenderOptions(subtitles=(BONJOUR,)), MADE)
    assert (uploaded.text, uploaded.subtitles) == (None, (BONJOUR,))


def test_words_are_corrected_only_where_some_were_heard():
    assert RenderOptions().changed(RenderOptions(text="bonsoir"), RenderResult(start=0.0)).text is None


def test_of_a_replaced_video_only_the_pictures_and_that_it_had_captions_are_kept():
    assert MADE.of_replaced_video() == RenderResult(covers=3, has_captions=True)
