"""Every route of the URL map, asked by six roles with Alice's ids: strangers pass none that is guarded,
nobody reads or changes what is hers.

ATTACK_ROUTES=command ATTACK_LOGIN=https://… ATTACK_OTHER_LOGIN=https://… ATTACK_OPERATOR_LOGIN=https://…
ATTACK_SUSPENDED_LOGIN=https://… ATTACK_SUSPEND=command python attacks/every_route.py URL

The roles: a stranger, a forged cookie, a session that was logged out, a suspended partner; another partner,
an operator. A login that is over 15 minutes old needs a moved clock: ``tests/*/test_fresh_login.py``.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
from urllib.parse import urlencode

from browser import Answer, Browser, not_tried, partner
from foreign_objects import LEADS, brought, settled
from routes import Route, routes

METHODS = ("HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
ENDS_A_SESSION = ("/partner/logout", "/partner/erase")
OWN_PAGE = "/partner/portal"
SUBMITTED = ("submissions", "share_logs", "links", LEADS)


class Sweep:
    """Alice's things, and what was found when others asked for them."""

    def __init__(self, alice: Browser) -> None:
        self.word = f"s{secrets.token_hex(8)}"
        post = brought(alice, self.word)
        mail = {"sid": post, "consent": "1", "emails": f"{self.word}@example.org", "nonce": self.word}
        sent = alice.post("/byop/email", **mail).named("send")
        codes = [link["code"] for link in alice.export()["links"] if link["submission_id"] == post]
        if not (post and codes):
            not_tried("Alice has no post with links: an offer is needed")
        self.ids = {"id": post, "sid": post, "send": sent, "code": codes[0]}
        self.asked = 0
        self.fallen: list[str] = []

    def ask(self, role: str, browser: Browser, route: Route) -> None:
        path = route.path(code=self.ids["code"])
        query = f"{path}?{urlencode(self.ids)}"
        fields = self.ids | {"title": "mine", "emails": "victim@example.org", "consent": "1", "want": "1"}
        answer = browser.post(path, **fields) if route.method == "POST" else browser.get(query)
        self.judge(f"{role} {route.method}", route, answer, role in OUTSIDE)

    def ask_oddly(self, browser: Browser, route: Route) -> None:
        """Methods that the route does not take go past no guard."""
        for method in METHODS:
            answer = browser.ask(method, f"{route.path(code=self.ids['code'])}?{urlencode(self.ids)}")
            if method != "OPTIONS":  # Which methods there are may be told to anybody.
                self.judge(method, route, answer, True)

    def judge(self, who: str, route: Route, answer: Answer, is_outside: bool) -> None:
        self.asked += 1
        is_refused = answer.status in range(400, 500) or "/partner/login" in answer.place
        tells = self.word in answer.text and not route.rule.startswith(("/p/", "/dev/"))
        passes = is_outside and not route.is_public and not is_refused
        if tells or passes or answer.status == 0 or answer.status >= 500:
            self.fallen.append(f"{who} {route.rule} {answer.status}")


OUTSIDE = ("stranger", "forged cookie", "logged out", "suspended")


def forged(url: str) -> Browser:
    """Return a browser whose cookie says it is somebody, without the key that would sign it."""
    browser = Browser(url)
    value = "eyJfdXNlcl9pZCI6IjEiLCJfZnJlc2giOnRydWV9.aaaaaa.forged"
    browser.headers = {"Cookie": f"session={value}; __Host-session={value}; partner=1; user_id=1"}
    return browser


def logged_out(mallory: Browser) -> Browser:
    """Return a browser with the cookie from before the logout, as a thief would have kept it."""
    thief = Browser(mallory.url)
    thief.headers = {"Cookie": mallory.cookies()}
    thief.token = mallory.token
    mallory.post("/partner/logout")
    return thief


def suspended(url: str) -> Browser:
    sam, command = partner(url, "ATTACK_SUSPENDED_LOGIN"), os.environ.get("ATTACK_SUSPEND")
    if not command:
        not_tried("ATTACK_SUSPEND is needed: a command that suspends the partner of ATTACK_SUSPENDED_LOGIN")
    subprocess.run(shlex.split(command), stdout=subprocess.DEVNULL, check=True)
    return sam


def main(url: str) -> int:
    known, alice = routes(), partner(url, "ATTACK_OTHER_LOGIN")
    mallory, olga, sam = partner(url), partner(url, "ATTACK_OPERATOR_LOGIN"), suspended(url)
    sweep = Sweep(alice)
    before = settled(alice)
    inside = [route for route in known if route.rule not in ENDS_A_SESSION]
    for role, browser in (("partner", mallory), ("operator", olga)):
        for route in inside:
            sweep.ask(role, browser, route)
        if browser.get(OWN_PAGE).status != 200:
            sweep.fallen.append(f"{role} was logged out, so nothing was shown")
    outside = (Browser(url), forged(url), logged_out(mallory), sam)
    for role, browser in zip(OUTSIDE, outside, strict=True):
        for route in known:
            sweep.ask(role, browser, route)
    for route in known:
        sweep.ask_oddly(Browser(url), route)
    after = settled(alice)
    changed = [kind for kind in SUBMITTED if before[kind] != after[kind]]
    told = "".join(f"; {fault}" for fault in sweep.fallen)
    print(
        f"{len(known)} routes, 6 roles, {sweep.asked} questions: {len(sweep.fallen)} passed or told{told}; "
        f"changed: {', '.join(changed) or 'nothing'}"
    )
    return int(bool(sweep.fallen or changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
