"""A network's month by CSV: rows a second, new and then approved, over partners of whom each has posts."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from bench.servers import Programme
from contentflow.byop import services as byop
from contentflow.byop.services import Draft
from contentflow.conversions import networks, statement_import
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.links.models import Click, Link
from contentflow.links.services import add_clicks
from contentflow.partners import services as partners

GOAL_SECONDS = 60.0  # for 50,000 rows
CLICKS_AT_ONCE = 1_000


def measure(own: Programme, rows: int, people: int) -> bool:
    """Print what previews, new rows, approvals and repeats take; return whether it is soon enough."""
    click_ids = _clicks(own, rows, people)
    slowest = 0.0
    for state in ("pending", "approved"):
        file = _write(own.folder / f"{state}.csv", click_ids, state)
        for act in (statement_import.preview, statement_import.apply, statement_import.apply):
            with own.app.app_context():
                began, worked = time.monotonic(), time.process_time()
                opened = statement_import.open_statement(networks.get_network("bench"), file)
                judged = act(opened, lambda done: None)
                taken, worked = time.monotonic() - began, time.process_time() - worked
                verdicts = {one.verdict for one in judged}
            slowest = max(slowest, taken * 50_000 / rows)
            print(
                f"{state:9}{act.__name__:8}{taken:7.1f} s, {worked:5.1f} s of processor {verdicts}",
                flush=True,
            )
    print(f"50,000 rows within {slowest:.0f} s, goal {GOAL_SECONDS:.0f}")
    return slowest <= GOAL_SECONDS


def _clicks(own: Programme, rows: int, people: int) -> list[str]:
    """Add so many clicks of 40 days, in turn of each partner's two posts; return their ids."""
    with own.app.app_context(), transaction():
        for number in range(people):
            partner_id = partners.add_partner(f"partner{number}@example.org", f"Partner {number}").id
            for post in range(2):
                byop.submit_post(partner_id, Draft(title=f"Post {post}", nonce=f"{number}-{post}"))
        links = [(link.id, link.partner_id) for link in db.session.scalars(select(Link).order_by(Link.code))]
        made = []
        for number in range(rows):
            link_id, partner_id = links[number % len(links)]
            at = _moment(number, rows) - timedelta(minutes=5)
            made.append(
                Click(
                    id=new_id(),
                    link_id=link_id,
                    partner_id=partner_id,
                    clicked_at=at,
                    verdict="valid",
                    agent_class="mobile",
                )
            )
        click_ids = [one.id for one in made]
        for start in range(0, rows, CLICKS_AT_ONCE):
            add_clicks(made[start : start + CLICKS_AT_ONCE])
    return click_ids


def _moment(number: int, rows: int) -> clock.datetime:
    return clock.now() - timedelta(days=45) + number * timedelta(days=40) / rows


def _write(file: Path, click_ids: list[str], state: str) -> Path:
    lines = ["transaction,click_id,amount,currency,status,at"]
    for number, click_id in enumerate(click_ids):
        at = clock.iso(_moment(number, len(click_ids)))
        lines.append(f"S{number},{click_id},{number % 90 + 10}.50,EUR,{state},{at}")
    file.write_text("\n".join(lines) + "\n")
    return file
