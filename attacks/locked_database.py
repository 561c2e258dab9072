"""Another process keeps the SQLite database locked for 5 s, and the journal of clicks holds broken lines.

ATTACK_LOGIN=https://… ATTACK_DATA_DIR=instance python attacks/locked_database.py URL      (on its machine)

Every click of a known link is led on within 3 s meanwhile (no redirect writes to the database), stands in the
export afterwards, and no broken line of a journal blocks those behind it.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from browser import Browser, not_tried, partner

LOCKED_SECONDS = 5.0
MAX_SECONDS = 3.0
VISITORS = 8
EXPORT_SECONDS = 20.0
AGENT = "Mozilla/5.0 (Linux; Android 14; Pixel {}) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
BROKEN = (b"\x00\x00\x00", b'{"id": "half', b'{"id": 7}', b"[]", b"\xff\xfe\xed\xa0\x80", b'{"at": "1e999"}')


def lock(folder: Path) -> sqlite3.Connection:
    """Take the write lock of the product's database."""
    found = sorted(folder.glob("contentflow*.db"))
    if not found:
        not_tried(f"{folder} holds no SQLite database")
    database = sqlite3.connect(found[0], timeout=10, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    return database


def break_journal(folder: Path) -> None:
    """Leave broken lines, as a power cut or a full disk might, before the clicks that come."""
    (folder / "journal").mkdir(mode=0o700, exist_ok=True)
    draft = folder / "journal" / f"{secrets.token_hex(8)}.new"
    draft.write_bytes(b"\n".join(BROKEN) + b"\n")
    draft.rename(draft.with_suffix(".journal"))


def click_on(url: str, codes: list[str]) -> tuple[int, float]:
    """Let visitors click for ``LOCKED_SECONDS``; returns how many were led on, and the slowest seconds."""
    until = time.monotonic() + LOCKED_SECONDS

    def visit(number: int) -> list[float]:
        waited = []
        while (began := time.monotonic()) < until:
            agent = AGENT.format(number)
            if Browser(url).get(f"/l/{codes[number % len(codes)]}", {"User-Agent": agent}).status == 302:
                waited.append(time.monotonic() - began)
        return waited

    with ThreadPoolExecutor(VISITORS) as visitors:
        waited = [seconds for of_one in visitors.map(visit, range(VISITORS)) for seconds in of_one]
    return len(waited), max(waited, default=0.0)


def exported(mallory: Browser, codes: list[str], clicks: int) -> int:
    until = time.monotonic() + EXPORT_SECONDS
    while True:
        answer = mallory.get("/partner/export.json")
        held = json.loads(answer.text)["clicks"] if answer.status == 200 else []
        found = sum(click["code"] in codes for click in held)
        if found >= clicks or time.monotonic() > until:
            return found
        time.sleep(0.5)


def main(url: str, folder: Path) -> int:
    mallory = partner(url)
    post = mallory.post("/byop/submit", title="Locked", nonce=secrets.token_hex(8)).named("id")
    codes = [link["code"] for link in mallory.export()["links"] if link["submission_id"] == post]
    if not codes:
        not_tried("the partner got no link: an offer is needed")
    database = lock(folder)
    try:
        break_journal(folder)
        clicks, slowest = click_on(url, codes)
    finally:
        database.close()
    found = exported(mallory, codes, clicks)
    refused = folder / "journal" / "refused.lines"
    aside = refused.read_bytes() if refused.exists() else b""
    kept = sum(line in aside for line in BROKEN)
    print(
        f"database locked {LOCKED_SECONDS:g} s: {clicks} clicks, slowest {slowest:.2f} s, {found} exported; "
        f"{kept} of {len(BROKEN)} broken lines set aside"
    )
    return int(not clicks or found < clicks or slowest >= MAX_SECONDS or kept < len(BROKEN))


if __name__ == "__main__":
    if not os.environ.get("ATTACK_DATA_DIR"):
        not_tried("ATTACK_DATA_DIR is needed: the folder of the product's SQLite database")
    sys.exit(main(sys.argv[1].rstrip("/"), Path(os.environ["ATTACK_DATA_DIR"])))
