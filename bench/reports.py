"""The pages that read clicks, over very many of them, as ratios to the same pages over almost none."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from bench.pages import Partner
from bench.servers import Programme
from contentflow import bench
from contentflow.core.db import db
from contentflow.links import services as links

PAGES = {
    "portal": "/partner/portal",
    "earnings, funnel": "/partner/earnings",
    "clicks by day": "/partner/earnings/clicks",
    "clicks by link": "/partner/earnings/clicks?by=link",
    "statement": "/partner/earnings/statement",
}
TIMES = 25
GOAL = 3.0  # for the portal, the funnel and the statement
WITH_GOAL = ("portal", "earnings, funnel", "statement")


def measure(own: Programme, clicks: int) -> bool:
    """Print each page's milliseconds before and after ``clicks`` came; return whether the goal is met."""
    partner = Partner(own)
    before = {name: timed(lambda url=url: partner.get(url)) for name, url in PAGES.items()}
    began = time.monotonic()
    with own.app.app_context():
        bench.fill(clicks)
    print(f"\n{clicks} clicks filled in within {time.monotonic() - began:.0f} s", flush=True)
    after = {name: timed(lambda url=url: partner.get(url)) for name, url in PAGES.items()}
    ratios = {name: after[name] / before[name] for name in PAGES}
    for name, ratio in ratios.items():
        print(f"{name:18}{before[name]:8.1f} ms{after[name]:8.1f} ms  × {ratio:.2f}")
    with own.app.app_context():
        query = timed(lambda: (links.daily_valid(own.partner_id, 90), db.session.rollback()))
    print(f"{'90 days, warm':18}{query:8.2f} ms", flush=True)
    return max(ratios[name] for name in WITH_GOAL) <= GOAL


def timed(act: Callable[[], object]) -> float:
    """Return the median milliseconds, warm."""
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        act()
        taken.append((time.perf_counter() - start) * 1000)
    return median(taken[5:])
