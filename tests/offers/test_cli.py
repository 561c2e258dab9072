"""``contentflow offer add``."""

from __future__ import annotations

import json

import pytest
from click.testing import Result
from flask import Flask

from contentflow.core.db import db
from contentflow.offers import services
from tests.house import post

URL = "https://nova.example.com/?c={click_id}"


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["offer", "add", *arguments])


def test_adding_an_offer_prints_its_id_alone(app: Flask) -> None:
    result = run(app, "Nova IA", URL, "--advertiser", "Nova SAS", "--revshare-pct", "0.35")

    offer = services.get_offer(result.stdout.strip())
    assert result.exit_code == 0
    assert (offer.name, offer.url, offer.advertiser) == ("Nova IA", URL, "Nova SAS")
    assert offer.revshare_bp == 3500


def test_json_holds_the_id(app: Flask) -> None:
    result = run(app, "Nova IA", URL, "--json")

    answer = json.loads(result.stdout)
    assert list(answer) == ["id"]
    assert services.get_offer(answer["id"]).revshare_bp == 4000


@pytest.mark.parametrize("fraction", ["40", "1.5", "-0.1", "nan", "0.12345", "a lot", "", "inf"])
def test_a_wrong_share_is_refused_with_a_sentence(app: Flask, fraction: str) -> None:
    result = run(app, "Nova IA", URL, "--revshare-pct", fraction)

    assert result.exit_code == 1
    assert "0.40" in result.stderr
    assert services.list_offers() == []


def test_a_wrong_url_is_refused_with_a_sentence(app: Flask) -> None:
    result = run(app, "Nova IA", "http://nova.example.com/")

    assert result.exit_code == 1
    assert "https://" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def ask(app: Flask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LANGUAGE", "en")

    def ask(*words: str, ok: bool = True) -> str:
        db.session.rollback()
        done = app.test_cli_runner().invoke(args=["offer", *words])
        db.session.rollback()
        assert (done.exit_code == 0) == ok, done.output
        return done.output.strip()

    return ask


def test_offers_are_listed_and_shown_by_id_or_name(app: Flask, ask, offer) -> None:
    rows = json.loads(ask("list", "--json"))
    shown = json.loads(ask("show", offer.name, "--json"))

    assert [(row["id"], row["name"], row["share"], row["state"]) for row in rows] == [
        (offer.id, "Nova IA", "40 %", "active")
    ]
    assert shown == json.loads(ask("show", offer.id, "--json"))
    assert shown["url"] == offer.url
    assert "None" not in ask("show", offer.id)
    assert shown["has_picture"] is False
    ask("show", "nothing", ok=False)


def test_a_name_that_two_offers_have_names_none(app: Flask, ask, offer) -> None:
    ask("add", "Nova IA", URL)

    ask("show", "Nova IA", ok=False)


def test_only_what_is_given_changes_and_posts_keep_their_terms(app: Flask, ask, offer, alices_post) -> None:
    ask("set", offer.id, "--revshare-pct", "0.25", "--advertiser", "Nova SAS", "--holding-days", "60")

    found = services.get_offer(offer.id)
    assert (found.revshare_bp, found.advertiser, found.holding_days) == (2500, "Nova SAS", 60)
    assert (found.name, found.url) == (offer.name, offer.url)
    db.session.refresh(db.session.merge(alices_post))
    assert alices_post.revshare_bp == 4000


@pytest.mark.parametrize(
    "wrong",
    [
        ("--revshare-pct", "40"), ("--name", ""), ("--url", "http://x.example.com"), ("--click-cents", "-1"),
        ("--category", "gambling"), ("--holding-days", "400"), ("--advertiser", "x" * 121),
    ],
)  # fmt: skip
def test_a_wrong_change_changes_nothing(app: Flask, ask, offer, wrong: tuple[str, ...]) -> None:
    before = ask("show", offer.id, "--json")

    ask("set", offer.id, "--holding-days", "7", *wrong, ok=False)

    assert ask("show", offer.id, "--json") == before


def test_a_paused_offer_takes_no_new_post_and_keeps_those_it_has(
    app: Flask, ask, offer, alice_client, alices_kit
) -> None:
    assert ask("pause", "Nova IA") == "The offer rests: no new post can choose it."

    new = post(alice_client, "/byop/submit", {"title": "x", "offer_id": offer.id, "nonce": "n"})
    kit = alice_client.get(alices_kit)
    assert new.status_code == 422
    assert kit.status_code == 200 and "Nova" in kit.get_data(as_text=True)
    assert json.loads(ask("list", "--json"))[0]["state"] == "paused"
    assert " paused" in ask("list")

    assert "open" in ask("resume", offer.id)
    new = post(alice_client, "/byop/submit", {"title": "x", "offer_id": offer.id, "nonce": "n"})
    assert new.status_code == 303
