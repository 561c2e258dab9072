"""Every room has a floor: no module without one, no import that climbs, no way past a capability's doors."""

from __future__ import annotations

import pytest

from contentflow import CAPABILITIES
from contentflow.config import ROOT
from tests.guards.floors import Rules, offences, read_rules, strangers

RULES = read_rules(ROOT / "setup.cfg", CAPABILITIES)


def sources() -> dict[str, str]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path.read_text()
        for path in (ROOT / "contentflow").rglob("*.py")
    }


def test_every_module_has_a_floor_and_imports_none_above_it():
    assert offences(sources(), RULES) == []


def test_setup_cfg_lists_no_module_that_is_not_there_or_whose_name_says_it():
    assert strangers(sources(), RULES) == []


SESSIONS = "byop.clips → partners.sessions climbs"
PLANTED = Rules(
    capabilities=("partners", "byop"),
    floors={"byop.clips": "verbs", "partners.sessions": "edge", "partners.locks": "verbs"},
    doors=frozenset({"partners.sessions", "partners.locks"}),
)
HOUSE = dict.fromkeys(
    [
        "contentflow",
        "contentflow.core.db",
        "contentflow.web.htmx",
        "contentflow.partners",
        "contentflow.partners.locks",
        "contentflow.partners.login_mail_views",
        "contentflow.partners.models",
        "contentflow.partners.services",
        "contentflow.partners.sessions",
        "contentflow.byop",
        "contentflow.byop.clip_form",
        "contentflow.byop.clips",
        "contentflow.byop.models",
        "contentflow.byop.services",
        "contentflow.byop.views",
    ],
    "",
)


def judged(module: str, source: str) -> list[str]:
    return offences(HOUSE | {f"contentflow.{module}": source}, PLANTED)


@pytest.mark.parametrize(
    ("module", "source", "offence"),
    [
        ("byop.seeds", "", "byop.seeds has no floor"),
        ("byop.models", "from contentflow.byop.services import x", "byop.models → byop.services climbs"),
        ("byop.models", "from contentflow.byop import clips", "byop.models → byop.clips climbs"),
        ("byop.models", "from . import clips", "byop.models → byop.clips climbs"),
        ("byop.clips", "import contentflow.byop.clip_form", "byop.clips → byop.clip_form climbs"),
        ("byop.clips", "def f():\n    from . import clip_form", "byop.clips → byop.clip_form climbs"),
        ("byop.clip_form", "from contentflow.byop import views", "byop.clip_form → byop.views climbs"),
        ("byop.clips", "from contentflow.partners.sessions import x", SESSIONS),
        ("byop.clips", "from flask import request", "byop.clips → flask.request knows HTTP"),
        ("byop.models", "import wtforms.fields", "byop.models → wtforms.fields knows HTTP"),
        ("byop.services", "def f():\n    from flask import g", "byop.services → flask.g knows HTTP"),
        ("byop.services", "from contentflow.web import htmx", "byop.services → web.htmx knows HTTP"),
        (
            "byop.views",
            "from contentflow.partners import login_mail_views",
            "byop.views → partners.login_mail_views bypasses the doors",
        ),
        ("byop.views", "from contentflow.partners import bp", "byop.views → partners bypasses the doors"),
    ],
)  # fmt: skip
def test_a_planted_offence_is_named(module: str, source: str, offence: str):
    assert judged(module, source) == [offence]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("byop.views", "from contentflow.byop import clip_form, clips, models, services"),
        ("byop.views", "from contentflow.partners.sessions import x\nfrom contentflow.web import htmx"),
        ("byop.clip_form", "import wtforms\nfrom contentflow.byop.services import x"),
        ("byop.clips", "from flask import Flask, current_app\nfrom contentflow.core.db import db"),
        ("byop.clips", "from contentflow.partners import locks, models, services"),
        ("byop", "from contentflow.byop import models, services, views"),
        ("core.db", "from flask import g"),
    ],
)
def test_what_goes_down_or_through_a_door_is_no_offence(module: str, source: str):
    assert judged(module, source) == []


def test_a_line_for_nothing_is_named():
    rules = Rules(("byop",), {"byop.gone": "verbs", "byop.clips": "verbs", "byop.views": "edge"})

    assert strangers(HOUSE, rules) == ["byop.gone", "byop.views"]
