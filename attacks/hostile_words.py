"""CRLF, template, SQL and broken text in every route, parameter, field and header: no 5xx, nothing obeyed.

ATTACK_ROUTES=command ATTACK_LOGIN=https://… ATTACK_OTHER_LOGIN=https://… python attacks/hostile_words.py URL

What mails carry in their headers is read on the wire in ``tests/*/test_smtp_wire.py``.
"""

from __future__ import annotations

import http.client
import re
import secrets
import sys
import time
from urllib.parse import quote, urlencode, urlsplit

from browser import Answer, Browser, not_tried, partner
from foreign_objects import LEADS, brought, settled
from routes import Route, routes

PRODUCT = str(7919 * 7907)
WORDS = {
    "CRLF": "x\r\nX-Injected: 1\r\n\r\n<b>injected",
    "LF": "x\nX-Injected: 1",
    "encoded CRLF": "x%0d%0aX-Injected:%201",
    "other line ends": "x\u2028X-Injected: 1\u0085y\u560d\u560aX-Injected: 1",
    "Jinja": "{{7919*7907}}{% print(7919*7907) %}",
    "other templates": "${7919*7907}#{7919*7907}<%= 7919*7907 %>*{7919*7907}",
    "Jinja's reach": "{{config}}{{request.environ}}{{''.__class__.__mro__}}",
    "Python format": "%(password)s {0.__class__} %n%s%d {password!r}",
    "SQL true": "' OR '1'='1' -- ",
    "SQL true in quotes": '" OR ""="',
    "SQL second statement": "'; DROP TABLE partners; DELETE FROM clicks; --",
    "SQL union": "' UNION SELECT 7919*7907, token_hash, email FROM partners, partner_sessions -- ",
    "SQL that sleeps": "1' AND 1=(SELECT 1 FROM pg_sleep(4)) OR randomblob(400000000) IS NOT NULL -- ",
    "LIKE": "%_%[a-z]%",
    "NUL": "a\x00b",
    "surrogate": "\ud800",
    "path": "../../../../../etc/passwd",
    "shell": "$(sleep 4)`sleep 4`;sleep 4|sleep 4",
    "number too large": "9" * 400,
    "no number": "NaN",
    "negative": "-1",
    "exponent": "1e999",
    "empty": "",
    "right to left": "\u202egnp.exe\u0000\ufeff",
}
NAMES = (
    "id", "sid", "send", "ch", "format", "file", "by", "from", "to", "month", "page", "dialect", "next",
    "title", "description", "hashtags", "cta", "source_url", "emails", "message", "nonce", "offer_id", "lang",
    "render", "cover", "want", "email", "code", "consent", "part", "upload", "name", "size", "q", "days",
    "transaction", "type", "click_id", "amount_cents", "currency", "at", "refund_of", "signature", "fit",
)  # fmt: skip
HEADERS = (
    "User-Agent", "Referer", "Accept", "Accept-Language", "Cookie", "Range", "If-None-Match", "If-Range",
    "If-Modified-Since", "Content-Type", "HX-Request", "HX-Current-URL", "HX-Target", "X-Request-ID",
    "X-Forwarded-For", "X-Forwarded-Proto", "Purpose", "Authorization", "X-ContentFlow-Signature",
)  # fmt: skip
# How a fault of ours would sound.
TOLD = re.compile(
    rf"{PRODUCT}|Traceback|sqlalchemy|sqlite3\.|psycopg|syntax error|root:x:0|SECRET_KEY|<b>injected",
    re.IGNORECASE,
)
SPARED = ("/partner/logout", "/partner/erase", "/byop/archive")
MAX_SECONDS = 3.5


class Words:
    """What was said, and how the product answered to it."""

    def __init__(self, alice: Browser, post: str) -> None:
        self.alice, self.post = alice, post
        self.said = 0
        self.fallen: list[str] = []

    def say(self, what: str, method: str, path: str, fields: dict[str, str], **headers: str) -> None:
        encoded = urlencode(fields, errors="surrogatepass")
        began = time.monotonic()
        if method == "POST":
            form = {"Origin": self.alice.url, "Content-Type": "application/x-www-form-urlencoded"}
            answer = self.alice.ask(method, path, encoded.encode(), form | headers)
        else:
            answer = self.alice.ask(method, f"{path}?{encoded}" if fields else path, None, headers)
        self.judge(f"{what}: {method} {path[:40]}", answer, time.monotonic() - began)

    def judge(self, what: str, answer: Answer, seconds: float) -> None:
        self.said += 1
        is_obeyed = TOLD.search(answer.text) or re.search(r"^X-Injected", answer.head, re.MULTILINE | re.I)
        if is_obeyed or answer.status >= 500 or answer.status == 0 or seconds > MAX_SECONDS:
            self.fallen.append(
                f"{what} {answer.status} {seconds:.1f} s {answer.text[:60] if not answer.status else ''}"
            )

    def in_parameters(self, route: Route) -> None:
        """All of the names at once, with the post's own id: what is said gets past the first question."""
        for what, word in WORDS.items():
            fields = dict.fromkeys(NAMES, word) | {"csrf_token": self.alice.token}
            ours = {"id": self.post, "sid": self.post, "nonce": secrets.token_hex(8)}
            self.say(f"{what} beside the id", route.method, route.path(), fields | ours)

    def in_path(self, route: Route) -> None:
        for what, word in WORDS.items():
            spoken = quote(word, safe="", errors="surrogatepass")
            path = "/".join(spoken if "<" in part else part for part in route.rule.split("/"))
            self.say(f"{what} in the path", route.method, path, {"csrf_token": self.alice.token})

    def in_headers(self, route: Route) -> None:
        """One header at a time, as bytes: a library would refuse to send most of it."""
        for name in HEADERS:
            for what, word in WORDS.items():
                value = (
                    word.encode(errors="surrogatepass")
                    .replace(b"\r", b"")
                    .replace(b"\n", b"")
                    .replace(b"\0", b"")
                )
                self.judge(f"{what} in {name}: {route.rule}", *self._raw(route, name, value))

    def _raw(self, route: Route, name: str, value: bytes) -> tuple[Answer, float]:
        began, line = (
            time.monotonic(),
            http.client.HTTPConnection(urlsplit(self.alice.url).netloc, timeout=30),
        )
        try:
            line.putrequest("GET", f"{route.path()}?id={self.post}", skip_accept_encoding=True)
            line.putheader("Cookie", self.alice.cookies())
            line.putheader(name, value)
            line.endheaders()
            response = line.getresponse()
            text = response.read().decode(errors="replace")
            return Answer(response.status, text, head=str(response.headers)), time.monotonic() - began
        finally:
            line.close()


def main(url: str) -> int:
    known, alice = routes(), partner(url, "ATTACK_OTHER_LOGIN")
    mallory = partner(url)
    post, own = brought(alice, "hostile"), brought(mallory, "own")
    if not (post and own):
        not_tried("a partner has no post")
    before, words = settled(alice), Words(mallory, own)
    for route in known:
        if route.rule not in SPARED:
            words.in_parameters(route)
        if "<" in route.rule:
            words.in_path(route)
        if route.method == "GET" and route.rule in ("/byop/kit", "/static/<filename>"):
            words.in_headers(route)
    after = settled(alice)
    changed = [kind for kind in ("submissions", "share_logs", "links", LEADS) if before[kind] != after[kind]]
    print(
        f"{words.said} times {len(WORDS)} hostile words: {len(words.fallen)} obeyed or not borne"
        f"{''.join(f'; {one}' for one in words.fallen)}; changed: {', '.join(changed) or 'nothing'}"
    )
    return int(bool(words.fallen or changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
