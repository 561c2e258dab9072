"""What a partner does in a browser to publish: connect an account, come back, bring a post, let it go out."""

from __future__ import annotations

import re
import time
from html import unescape

from attacks.browser import Browser

HIDDEN = ("sid", "what", "render", "seen", "nonce")


def asked_to_connect(alice: Browser, platform: str, host: str) -> str:
    """Ask for a connection; returns where the account's owner goes to consent."""
    asked = alice.post("/partner/accounts/connect", platform=platform, host=host)
    page = ""
    for _ in range(300):
        page = unescape(alice.get(asked.place.partition("#")[0]).text)
        if found := re.search(r'href="([^"]+/oauth/authorize\?[^"]*)"', page):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(page[-2_000:])


def come_back(alice: Browser, place: str) -> str:
    """Come back from the consent; returns the account's id."""
    alice.get(place)
    page = ""
    for _ in range(300):
        page = alice.get("/partner/accounts").text
        if account := re.search(r'data-account="(\w{22})"', page):
            return account[1]
        time.sleep(0.1)
    raise AssertionError(page[-2_000:])


def bring_post(alice: Browser, number: int) -> str:
    """Bring a post of words; returns its id."""
    return alice.post("/byop/submit", title=f"Post {number}", nonce=f"n{number}").named("id")


def publish(alice: Browser, account: str, sid: str) -> str:
    """Let a post go out now; returns its short code there."""
    page = unescape(alice.get(f"/byop/publish?id={sid}").text)
    fields = {name: re.search(rf'name="{name}" value="([^"]*)"', page)[1] for name in HIDDEN}  # type: ignore[index]
    code = re.search(r'data-account="\w+".*?/l/(\w{7})', page, re.DOTALL)
    assert code
    assert alice.post("/byop/publish", account=account, when="now", **fields).status == 303
    return code[1]
