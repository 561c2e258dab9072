"""Who has an account, which post, link, network or token exists, is not told by any answer or its time.

ATTACK_LOGIN=https://… ATTACK_OTHER_LOGIN=https://… python attacks/guessed_names.py URL

The runner names a partner's address in ``ATTACK_KNOWN``; without it the login is not tried.
"""

from __future__ import annotations

import os
import re
import secrets
import statistics
import sys
import time

from browser import Answer, Browser, partner
from foreign_objects import brought

ROUNDS = 5  # One address may ask for so many logins an hour, one machine for 20.
MAX_APART_SECONDS = 0.05
CODE_TRIES = 5
# What differs between two answers to anybody: tokens and request ids, and what was typed.
ALONE = re.compile(r'value="[^"]*"|X-CSRFToken[^}]*|X-Request-ID: \S+|\b[\w-]{12}\b|Set-Cookie: .*|Date: .*')


def same(answer: Answer, *typed: str) -> tuple[int, str, str]:
    text, head = answer.text, answer.head
    for word in typed:
        text = text.replace(word, "…")
    return answer.status, ALONE.sub("", text), re.sub(r"Content-Length: \d+", "", ALONE.sub("", head))


def ask(url: str, email: str) -> tuple[Answer, float]:
    browser = Browser(url)
    browser.read_token("/partner/login")
    began = time.perf_counter()
    answer = browser.post("/partner/login", email=email)
    return answer, time.perf_counter() - began


def logins(url: str, known: str) -> tuple[list[str], float]:
    """Ask for logins of one who has an account, and of as many who have none, in turn."""
    told, times = set[str](), {known: list[float](), "": list[float]()}
    for _ in range(ROUNDS):
        stranger = f"{secrets.token_hex(4)}@example.org"
        (theirs, long), (none, short) = ask(url, known), ask(url, stranger)
        times[known].append(long)
        times[""].append(short)
        if same(theirs, known, stranger) != same(none, known, stranger):
            told.add("whose address is known, by the answer to a login")
    apart = abs(statistics.median(times[known]) - statistics.median(times[""]))
    if apart > MAX_APART_SECONDS:
        told.add("whose address is known, by the time of a login")
    return sorted(told), apart


def pairs(mallory: Browser, post: str, code: str) -> list[str]:
    """Compare what exists and is another's with what does not exist."""
    unknown, told = secrets.token_urlsafe(16), []
    paths = (
        "/byop/kit?id={}",
        "/byop/edit?id={}",
        "/byop/status?id={}",
        "/byop/clip?id={}",
        "/byop/qr?id={}&ch=qr",
    )
    paths += ("/byop/email?id={}", "/byop/mails?id={}", "/partner/earnings?id={}", "/byop/preview?sid={}")
    for path in paths:
        theirs, none = mallory.get(path.format(post)), mallory.get(path.format(unknown))
        if same(theirs, post, unknown) != same(none, post, unknown):
            told.append(path)
    stranger = Browser(mallory.url)
    for name in ("attack", "nobody"):
        answer = stranger.ask("POST", f"/postback/{name}", b"{}", {"Content-Type": "application/json"})
        if answer.status != 401:
            told.append(f"network {name} {answer.status}")
    for path in ("/unsubscribe/", "/subscribe/", "/partner/login/", "/clip-mails/"):
        answers = {stranger.get(path + secrets.token_urlsafe(size)).status for size in (8, 16, 32, 33)}
        if answers - {200, 404, 410} or len(answers) > 1:
            told.append(f"{path} {sorted(answers)}")
    neighbours = [code[:-1] + letter for letter in "aZ09" if letter != code[-1]]
    # 429: too many unknown codes were asked for, which tells nothing.
    found = [near for near in neighbours if stranger.get(f"/p/{near}").status not in (404, 429)]
    return told + [f"a code beside another: {near}" for near in found]


def codes(url: str) -> list[str]:
    """Guess six digits: after five tries the right one would not do either."""
    browser = Browser(url)
    browser.read_token("/partner/login")
    browser.post("/partner/login", email=f"{secrets.token_hex(4)}@example.org")
    statuses = [
        browser.post("/partner/login/code", code=f"{number:06d}").status for number in range(CODE_TRIES * 3)
    ]
    let_in = [status for status in statuses if status not in (410, 422, 429)]
    endless = statuses[CODE_TRIES:].count(422)
    return [f"codes {statuses}"] if let_in or endless else []


def main(url: str) -> int:
    alice, mallory = partner(url, "ATTACK_OTHER_LOGIN"), partner(url)
    post = brought(alice, secrets.token_hex(8))
    links = [link["code"] for link in alice.export()["links"]] or ["0000000"]
    told = pairs(mallory, post, links[0]) + codes(url)
    known, apart = os.environ.get("ATTACK_KNOWN", ""), "the login was not tried (ATTACK_KNOWN)"
    if known:
        more, seconds = logins(url, known)
        told += more
        apart = f"logins of known and unknown addresses are {seconds * 1000:.0f} ms apart"
    print(f"{len(told)} things told to who guesses{''.join(f'; {one}' for one in told)}; {apart}")
    return int(bool(told))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
