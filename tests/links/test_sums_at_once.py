"""Many clicks at once are each counted once in every sum."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import func, select

from contentflow.core.db import db
from contentflow.links import services as links
from contentflow.links.folding import fold
from contentflow.links.models import Click, LinkDay, LinkTotal, PartnerDay


def test_clicks_that_come_together_are_all_in_the_sums(app: Flask, alices_post):
    codes = [links.links_of(alices_post.id)[channel].code for channel in ("x", "copy")]
    db.session.rollback()

    def click(number: int) -> int:
        agent = f"Mozilla/5.0 (Windows NT 10.0) Firefox/{100 + number}.0"
        with app.test_client() as client:
            answer = client.get(
                f"/l/{codes[number % 2]}",
                headers={"User-Agent": agent},
                base_url="https://share.example.org",
                environ_base={"REMOTE_ADDR": f"198.51.100.{number}"},
            )
            return answer.status_code

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(click, range(120)))

    fold()
    db.session.rollback()
    rows = db.session.scalar(select(func.count(Click.id)))
    sums = [db.session.scalar(select(func.sum(table.clicks))) for table in (PartnerDay, LinkDay, LinkTotal)]
    assert answers == {302}
    assert (rows, sums) == (120, [120, 120, 120])
