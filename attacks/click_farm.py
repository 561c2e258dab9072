"""One machine clicks all links of two posts under 40 agents; none of it may become money unheld.

ATTACK_LOGIN=https://… [ATTACK_NEXT_DAY=command] python attacks/click_farm.py URL

Clicks of one day are judged as a whole once it has closed: ``ATTACK_NEXT_DAY`` closes it (in the runner's
own product ``next_day.py``); without it only the verdicts are looked at. Farms that take hours or days,
below the limit of every minute, are tried with a moved clock in ``tests/conversions/test_click_fraud.py``.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from browser import Browser, not_tried, partner

POSTS = 2
AGENTS = 40
AGAIN = 2  # Each agent clicks each link so often: the second is a duplicate.
MAX_OF_A_MINUTE = 60  # CLICK_BURST_PER_MINUTE, of one address on one link
AT_ONCE = 8


def agent(number: int) -> str:
    return (
        f"Mozilla/5.0 (Linux; Android 14; Pixel {number}) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{90 + number}.0.0.0 Mobile Safari/537.36"
    )


def codes_of(mallory: Browser) -> set[str]:
    posts = {
        mallory.post("/byop/submit", title=f"Farm {number}", nonce=f"{time.time()}-{number}").named("id")
        for number in range(POSTS)
    }
    return {link["code"] for link in mallory.export()["links"] if link["submission_id"] in posts}


def click(url: str, codes: set[str]) -> int:
    """Click every link as every agent; returns how often the product answered with the offer."""
    paths = [
        (f"/l/{code}", agent(number)) for number in range(AGENTS) for code in sorted(codes) * AGAIN
    ]  # No cookie comes along: that would be ``self``.
    with ThreadPoolExecutor(AT_ONCE) as machines:
        answers = machines.map(lambda path: Browser(url).get(path[0], {"User-Agent": path[1]}).status, paths)
        return sum(status == 302 for status in answers)


def counted(mallory: Browser, codes: set[str], clicks: int) -> list[dict[str, Any]]:
    """Return the clicks that the export holds; the last ones stand in it after 2 s."""
    until = time.monotonic() + 10
    while True:
        found = [click for click in mallory.export()["clicks"] if click["code"] in codes]
        if len(found) >= clicks or time.monotonic() > until:
            return found
        time.sleep(0.5)


def cents_of(mallory: Browser) -> Counter[str]:
    """Return what the ledger gave the partner for clicks, by where it went."""
    cents: Counter[str] = Counter()
    for entry in mallory.export()["ledger"]:
        cents[entry["account"]] += int(entry["amount_cents"])
    return cents


def main(url: str, next_day: str) -> int:
    mallory = partner(url)
    codes = codes_of(mallory)
    if not codes:
        not_tried("the partner got no link: an offer is needed")
    clicks = click(url, codes)
    found = counted(mallory, codes, clicks)
    valid = Counter(click["code"] for click in found if click["verdict"] == "valid")
    verdicts = Counter(click["verdict"] for click in found)
    told = f"{clicks} clicks of one machine on {len(codes)} links: {verdicts['valid']} valid"
    has_fallen = len(found) < clicks or max(valid.values(), default=0) > MAX_OF_A_MINUTE
    has_fallen |= verdicts["valid"] > len(codes) * AGENTS
    if not next_day:
        print(f"{told}; what becomes of them when the day has closed was not tried (ATTACK_NEXT_DAY)")
        return int(has_fallen)
    subprocess.run(shlex.split(next_day), check=True)
    cents = cents_of(mallory)
    print(f"{told}; the next day {cents['held']} cents held, {cents['pending'] + cents['available']} free")
    return int(has_fallen or not cents["held"] or cents["pending"] + cents["available"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/"), os.environ.get("ATTACK_NEXT_DAY", "")))
