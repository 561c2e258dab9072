"""``contentflow offer add``."""

from __future__ import annotations

import json

import pytest
from click.testing import Result
from flask import Flask

from contentflow.offers import services

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
