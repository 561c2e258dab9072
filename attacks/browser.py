"""What the attacks of a logged-in partner share: a browser with cookies, forms, and the partner's export.

Login links work once: ``contentflow partner login-link EMAIL`` prints another.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import Any, NamedTuple, NoReturn
from urllib.parse import parse_qs, urlencode, urlsplit

NOT_TRIED = 2
SECONDS = 30.0
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Answer(NamedTuple):
    """``place`` is where a redirect leads, which is never followed; ``head`` the lines of the headers."""

    status: int
    text: str
    place: str = ""
    head: str = ""

    def named(self, parameter: str) -> str:
        """Return a parameter of where it leads; empty where there is none."""
        return parse_qs(urlsplit(self.place).query).get(parameter, [""])[0]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **options: Any) -> None:
        return None


class Browser:
    """One browser at one product; ``token`` is sent with every form, ``headers`` with every request."""

    def __init__(self, url: str) -> None:
        self.url, self.token = url, ""
        self.headers: dict[str, str] = {}
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(
            _NoRedirects, urllib.request.HTTPCookieProcessor(self._jar)
        )

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, **fields: str) -> Answer:
        body = urlencode({"csrf_token": self.token, **fields}).encode()
        return self.ask("POST", path, body, {"Origin": self.url})

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send exactly this; where the line breaks, the answer's status is 0 and its text says why."""
        request = urllib.request.Request(
            self.url + path, body, self.headers | dict(headers or {}), method=method
        )
        try:
            with self._open(request) as response:
                return _answer(response.status, response.read(), response.headers)
        except (OSError, HTTPException) as error:
            return Answer(0, str(error))

    def _open(self, request: urllib.request.Request) -> Any:
        try:
            return self._opener.open(request, timeout=SECONDS)
        except urllib.error.HTTPError as refusal:
            return refusal  # An answer too, whose line may break like any other's.

    def log_in(self, link: str) -> None:
        """Use a login link at ``url``, whatever host it names; ends the attack where it is used up."""
        path = urlsplit(link).path
        self.read_token(path)
        if self.post(path).status != 303:
            not_tried(f"the login link {path[:20]}… is used or unknown: contentflow partner login-link EMAIL")
        self.read_token("/byop/new")

    def cookies(self) -> str:
        """Return what the next request's ``Cookie`` would hold."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._jar)

    def export(self) -> dict[str, Any]:
        return dict(json.loads(self.get("/partner/export.json").text))

    def read_token(self, path: str) -> None:
        """Take the token of a page's form for all that is posted from now on."""
        found = _TOKEN.search(self.get(path).text)
        self.token = found[1] if found else ""


def _answer(status: int, body: bytes, headers: Message) -> Answer:
    return Answer(status, body.decode(errors="replace"), headers.get("Location", ""), str(headers))


def partner(url: str, variable: str = "ATTACK_LOGIN") -> Browser:
    """Return the browser of the partner whose login link the environment holds."""
    link = os.environ.get(variable)
    if not link:
        not_tried(f"{variable} is needed: contentflow partner login-link EMAIL prints one")
    browser = Browser(url)
    browser.log_in(link)
    return browser


def not_tried(why: str) -> NoReturn:
    print(f"not tried: {why}")
    sys.exit(NOT_TRIED)
