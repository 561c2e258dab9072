"""Roll-ups are exact whoever writes; old clicks go and their sums stay; a new robot is reclassified."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.links import upkeep
from contentflow.links.models import Click, LinkDay, LinkTotal, PartnerDay
from contentflow.links.upkeep import NoBounds, UnknownCode, Which, WrongVerdict


@pytest.fixture
def old_and_new(app: Flask, alices_post: Any) -> Any:
    """Two valid clicks 14 months ago, one yesterday, one robot today, one that is nobody's."""
    link = links.links_of(alices_post.id)["x"]
    rows = [
        (425, "valid", True),
        (425, "valid", True),
        (1, "valid", True),
        (0, "bot", True),
        (425, "valid", False),
    ]
    with transaction():
        links.add_clicks(
            Click(
                link_id=link.id,
                partner_id=link.partner_id if is_attributed else None,
                clicked_at=clock.now() - timedelta(days=days),
                verdict=verdict,
                agent_class="mobile",
            )
            for days, verdict, is_attributed in rows
        )
    return alices_post


def sums() -> tuple[int, ...]:
    return tuple(
        db.session.scalar(select(func.sum(table.clicks))) for table in (PartnerDay, LinkDay, LinkTotal)
    )


def test_every_click_that_is_attributed_stands_in_all_three_sums(app: Flask, old_and_new):
    assert sums() == (4, 4, 4)
    assert links.verdict_counts([old_and_new.id]) == {old_and_new.id: {"valid": 3, "bot": 1}}


def test_raw_clicks_of_more_than_13_months_go_and_their_sums_stay(app: Flask, old_and_new):
    assert upkeep.delete_old_clicks() == 3
    assert upkeep.delete_old_clicks() == 0

    assert db.session.scalar(select(func.count(Click.id))) == 2
    assert sums() == (4, 4, 4)


def test_a_new_robot_is_reclassified_in_the_sums_too_and_noted(app: Flask, old_and_new):
    code = links.links_of(old_and_new.id)["x"].code
    which = Which(code=code, since=clock.now() - timedelta(days=2))

    changed = upkeep.reclassify("valid", "bot", which, "cli")

    assert changed == 1
    assert links.verdict_counts([old_and_new.id]) == {old_and_new.id: {"valid": 2, "bot": 2}}
    assert links.daily_valid(old_and_new.partner_id, 2)[0][1] == 0
    assert db.session.scalars(select(AuditEntry.act)).all() == ["links.reclassify.valid.bot"]


@pytest.mark.parametrize(
    ("was", "becomes", "which", "refusal"),
    [
        ("valid", "valid", Which(code="x"), WrongVerdict),
        ("valid", "human", Which(code="x"), WrongVerdict),
        ("valid", "bot", Which(agent_class="mobile"), NoBounds),
        ("valid", "bot", Which(code="x"), UnknownCode),
    ],
)
def test_a_reclassification_that_says_too_little_is_refused(
    app: Flask, old_and_new, was, becomes, which, refusal
):
    with pytest.raises(refusal):
        upkeep.reclassify(was, becomes, which, "cli")

    assert db.session.scalar(select(func.count(AuditEntry.id))) == 0


def test_many_clicks_are_reclassified_in_short_transactions(app: Flask, old_and_new, monkeypatch):
    monkeypatch.setattr(upkeep, "CHANGED_AT_ONCE", 3)
    code = links.links_of(old_and_new.id)["x"].code

    changed = upkeep.reclassify("valid", "bot", Which(code=code), "cli")

    assert changed == 4
    assert links.verdict_counts([old_and_new.id]) == {old_and_new.id: {"bot": 4}}
    subjects = select(AuditEntry.subject).order_by(AuditEntry.id)
    assert sorted(db.session.scalars(subjects)) == [f"{code}: 1 clicks", f"{code}: 3 clicks"]


def test_the_command_counts_first_and_then_changes(app: Flask, old_and_new):
    code = links.links_of(old_and_new.id)["x"].code
    words = ["links", "reclassify", "valid", "bot", "--code", code, "--since", "2000-01-01"]
    run = app.test_cli_runner().invoke

    counted = run(args=[*words, "--dry-run"])
    changed = run(args=words)
    refused = run(args=["links", "reclassify", "valid", "bot"])

    db.session.rollback()
    said = (counted.output.strip(), changed.output.strip(), refused.exit_code)
    assert said == ("4 clicks would change.", "4 clicks are changed.", 1)
    assert links.verdict_counts([old_and_new.id]) == {old_and_new.id: {"bot": 4}}
