"""What goes on while something breaks: visitors click, a partner posts and mails, a network reports sales.

It speaks HTTP alone and judges by the partner's export, whatever stands behind it.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from attacks.browser import Answer, Browser
from tests.live import Live

CLICKERS = 3
PAUSE_SECONDS = 0.05  # of who met nobody
SETTLED_SECONDS = 90.0
# Limits of people are not what is tried here.
SETTINGS = {
    "SUBMIT_PER_MINUTE": "100000",
    "EMAIL_PER_MINUTE": "100000",
    "LOG_PER_MINUTE": "100000",
    "SHARE_EMAIL_DAILY_LIMIT": "100000",
    "SHARE_EMAIL_UNDO_SECONDS": "0",
}


class Traffic:
    """``answered`` holds, by kind, what the product has said yes to; it may lose none and double none.

    A click that gets no answer is not clicked again: it counts once or not at all. A form is pressed and a
    sale reported again, with the same nonce and transaction, until there is an answer.
    """

    def __init__(self, live: Live) -> None:
        live.run("partner", "add", "alice@example.org")
        live.run("offer", "add", "Nova", "https://nova.example.com/?c={click_id}")
        self._secret = live.run("network", "add", "nova")["secret"]
        self.live, self.alice, self._hers = live, Browser(live.url), threading.Lock()
        self.log_in()
        first = self.alice.post("/byop/submit", title="first", nonce="first").named("id")
        links = self.alice.export()["links"]
        self._codes = [link["code"] for link in links if link["submission_id"] == first]
        self.answered: dict[str, set[str]] = {kind: set() for kind in ("clicks", "posts", "mails", "sales")}
        self.may_be_lost: set[str] = set()  # clicks that the product said it could write nowhere
        self.unfinished: list[str] = []
        self.ended = {"captured", "sent"}  # what becomes of a mail
        self._first_click = ""
        self.clicked, self.ahead_seconds = 0, 0.0  # of the product's clock before this process's
        self._end, self._numbers = threading.Event(), itertools.count()
        work = [self._click] * CLICKERS + [self._write, self._sell]
        self._threads = [threading.Thread(target=self._go_on, args=(one,), daemon=True) for one in work]

    def log_in(self) -> None:
        url = self.live.run("partner", "login-link", "alice@example.org")["url"]
        with self._hers:  # The answer to an older request would take the new cookie away.
            self.alice.log_in(url)

    def _post(self, path: str, **fields: str) -> Answer:
        with self._hers:
            return self.alice.post(path, **fields)

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def flow_on(self, more: int = 5) -> None:
        """Wait until so many more of each kind have been answered."""
        wanted = {
            kind: len(found) + (more if kind == "clicks" else 1) for kind, found in self.answered.items()
        }
        for kind, count in wanted.items():
            wait_for(partial(self._has, kind, count), f"{kind} to be answered")

    def _has(self, kind: str, count: int) -> bool:
        return len(self.answered[kind]) >= count

    def _go_on(self, act: Callable[[str], bool]) -> None:
        while not self._end.is_set():
            key = f"{next(self._numbers)}-{secrets.token_hex(4)}"
            while not act(key) and not self._end.wait(PAUSE_SECONDS):
                pass

    def _click(self, key: str) -> bool:
        self.clicked += 1
        visitor = Browser(self.live.url)
        agent = f"Mozilla/5.0 (X11; Linux x86_64) Visitor/{key}"
        answer = visitor.get(f"/l/{self._codes[self.clicked % len(self._codes)]}", {"User-Agent": agent})
        if answer.status == 302:
            click = answer.place.partition("c=")[2]
            self.answered["clicks"].add(click)
            self._first_click = self._first_click or click  # People buy a while after they clicked.
        elif answer.status == 0:
            time.sleep(PAUSE_SECONDS)
        return True

    def _write(self, nonce: str) -> bool:
        post = self._post("/byop/submit", title=nonce, nonce=nonce).named("id")
        if not post:
            return False
        self.answered["posts"].add(post)
        mail = f"{nonce}@example.org"
        fields = {"sid": post, "emails": mail, "consent": "1", "nonce": nonce}
        while not self._post("/byop/email", **fields).named("send"):  # Who is logged out is led away, too.
            if self._end.wait(PAUSE_SECONDS):
                return True
        self.answered["mails"].add(mail)
        self._end.wait(PAUSE_SECONDS)
        return True

    def _sell(self, transaction: str) -> bool:
        if not self._first_click or self._report(transaction, self._first_click).status != 200:
            return False
        self.answered["sales"].add(transaction)
        self._end.wait(PAUSE_SECONDS)
        return True

    def _report(self, transaction: str, click: str) -> Answer:
        sale = {"transaction": transaction, "type": "sale", "click_id": click}
        body = json.dumps(sale | {"amount_cents": 100, "currency": "EUR"}).encode()
        sent_at, path = int(time.time() + self.ahead_seconds), "/postback/nova"
        signed = hmac.new(self._secret.encode(), f"{sent_at}.POST.{path}.".encode() + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "X-ContentFlow-Signature": f"t={sent_at},v1={signed.hexdigest()}",
        }
        return Browser(self.live.url).ask("POST", path, body, headers)

    def judge(self) -> str:
        """Assert that what was answered stands once, and that work ends; return the figures as a sentence."""
        self.log_in()  # The export asks for a login of the last 15 minutes.
        until = time.monotonic() + SETTLED_SECONDS
        while True:
            found = self.exported()
            lost = {kind: len(self.answered[kind] - self.may_be_lost - set(found[kind])) for kind in found}
            if not any(lost.values()) and not self.unfinished:
                break
            assert time.monotonic() < until, f"lost {lost}, not worked off {self.unfinished}"
            time.sleep(0.5)
        doubled = {kind: len(rows) - len(set(rows)) for kind, rows in found.items()}
        assert not any(doubled.values()), f"doubled {doubled}"
        assert len(found["clicks"]) <= self.clicked
        return (
            ", ".join(f"{len(rows)} {kind}" for kind, rows in self.answered.items()) + ": lost 0, doubled 0"
        )

    def exported(self) -> dict[str, list[str]]:
        """Return what the partner holds, by kind; nothing while the export is not answered."""
        with self._hers:
            answer = self.alice.get("/partner/export.json")
        if answer.status != 200:
            return {kind: [] for kind in self.answered}
        told: dict[str, list[dict[str, Any]]] = json.loads(answer.text)
        posts = [post for post in told["submissions"] if post["title"] != "first"]
        self.unfinished = [f"post {post['id']}" for post in posts if post["status"] == "processing"]
        self.unfinished += [
            f"{mail['state']} mail {mail['id']}"
            for mail in told["deliveries"]
            if mail["state"] not in self.ended
        ]
        titles = Counter(post["title"] for post in posts)
        return {
            "clicks": [click["id"] for click in told["clicks"]],
            "posts": [post["id"] for post in posts for _ in range(titles[post["title"]])],
            "mails": [mail["recipient"] for mail in told["deliveries"]],
            "sales": [sale["transaction"] for sale in told["conversions"]],
        }


def wait_for(is_so: Callable[[], bool], what: str, seconds: float = 90.0) -> float:
    """Return the seconds until something is so."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() < began + seconds, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.02)
    return time.monotonic() - began
