"""Mallory asks for everything of Alice's by its id: 404 as if it did not exist, nothing changed.

ATTACK_LOGIN=https://… ATTACK_OTHER_LOGIN=https://… python attacks/foreign_objects.py URL
"""

from __future__ import annotations

import secrets
import sys
import time
from typing import Any

from browser import Browser, not_tried, partner

READ = (
    "/byop/kit?id={post}",
    "/byop/kit?id={own}&send={send}",
    "/byop/edit?id={post}",
    "/byop/preview?sid={post}",
    "/byop/status?id={post}",
    "/byop/clip?id={post}",
    "/byop/clip?id={post}&file=poster",
    "/byop/video?id={post}",
    "/byop/qr?id={post}&ch=qr",
    "/byop/email?id={post}",
    "/byop/email/preview?id={post}",
    "/byop/email/result?send={send}",
    "/byop/mails?id={post}",
    "/partner/earnings?id={post}",
    "/partner/earnings/clicks?by=link&id={post}",
)
WRITTEN: tuple[tuple[str, dict[str, str]], ...] = (
    ("/byop/edit", {"title": "mine"}),
    ("/byop/preview", {"title": "mine"}),
    ("/byop/archive", {}),
    ("/byop/approve", {"render": "1"}),
    ("/byop/withdraw", {}),
    ("/byop/retry", {}),
    ("/byop/cover", {"render": "1", "cover": "1"}),
    ("/byop/want-mail", {"want": "1"}),
    ("/byop/video", {"source_url": "https://www.example.org/film.mp4"}),
    ("/byop/log", {"ch": "whatsapp"}),
    ("/byop/email", {"emails": "victim@example.org", "consent": "1"}),
    ("/byop/email/check", {"emails": "victim@example.org"}),
)
LEADS = "where links lead"
OWN = (
    "/partner/portal",
    "/partner/export.json",
    "/partner/earnings/statement",
    "/partner/earnings/clicks.csv",
)


def brought(browser: Browser, word: str) -> str:
    return browser.post("/byop/submit", title=word, nonce=word).named("id")


def settled(alice: Browser) -> dict[str, Any]:
    """Return her export once the worker is done with her posts, and how her links answer."""
    until = time.monotonic() + 10
    while True:
        found = alice.export()
        if "processing" not in {post["status"] for post in found["submissions"]} or time.monotonic() > until:
            break
        time.sleep(0.2)
    found[LEADS] = {link["code"]: alice.get(f"/l/{link['code']}").status for link in found["links"]}
    return found


def main(url: str) -> int:
    alice, mallory, word = partner(url, "ATTACK_OTHER_LOGIN"), partner(url), f"s{secrets.token_hex(8)}"
    ids = {"post": brought(alice, word), "own": brought(mallory, f"m{word[:8]}")}
    mail = {"sid": ids["post"], "consent": "1", "emails": f"{word}@example.org", "nonce": word}
    ids["send"] = alice.post("/byop/email", **mail).named("send")
    before = settled(alice)
    answers = {path: mallory.get(path.format(**ids)) for path in READ}
    answers |= {path: mallory.post(path, sid=ids["post"], **fields) for path, fields in WRITTEN}
    answers["/byop/email/cancel"] = mallory.post("/byop/email/cancel", send=ids["send"])
    told = [path for path, answer in answers.items() if answer.status != 404 or word in answer.text]
    told += [path for path in OWN if word in mallory.get(path).text]
    after = settled(alice)
    changed = [kind for kind in ("submissions", "share_logs", "links", LEADS) if before[kind] != after[kind]]
    people = [sorted(sent["recipient"] for sent in export["deliveries"]) for export in (before, after)]
    changed += ["deliveries"] if people[0] != people[1] else []
    if not all(ids.values()):
        not_tried(f"nothing to ask for: {ids}")
    print(
        f"{len(answers) + len(OWN)} questions after another's things: {len(told)} told or did something"
        f"{''.join(f' {path}' for path in told)}; changed: {', '.join(changed) or 'nothing'}"
    )
    return int(bool(told or changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
