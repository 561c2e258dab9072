"""Most redirects pass Flask by: a known link, a visitor without a session, nobody's preview.

A WSGI application around Flask's answers those, and hands everything else on; what Flask's view would have
answered to them is the same, since the headers are Flask's own, drawn once. The web worker asks it in its
own loop first (``contentflow.at_once``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import Settings
from contentflow.core import clock
from contentflow.core.ids import random_text
from contentflow.links.agents import kind_of
from contentflow.links.clicks import Hit, intake
from contentflow.links.link_cache import CODE
from contentflow.links.targets import Target
from contentflow.links.verdicts import PREFETCH_VARIABLES, Verdict, classify
from contentflow.links.views import sent_to
from contentflow.web.security import ip_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX: Final = "/l/"
REQUEST_ID: Final = "X-Request-ID"
_REQUEST_ID_LENGTH: Final = 12

Headers = list[tuple[str, str]]


class Redirect:
    """``inner`` answers whatever is not ordinary."""

    def __init__(self, app: Flask, inner: WSGIApplication) -> None:
        chosen: Settings = app.config["CONTENTFLOW"]
        self._app = app
        self._inner = inner
        self._intake = intake(app)
        self._host = urlsplit(chosen.public_base_url).netloc
        self._cookie: str = app.config["SESSION_COOKIE_NAME"]
        self._proxies = chosen.trusted_proxies
        self._headers: Headers = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = self._headers_for(environ, self._find)
        if headers is None:
            return self._inner(environ, start_response)
        start_response("302 FOUND", headers)
        return ()

    def at_once(self, environ: WSGIEnvironment) -> Headers | None:
        """Return the headers of a 302 where nobody need be asked for the link; its click is written then."""
        return self._headers_for(environ, self._intake.links.read_now)

    def _headers_for(self, environ: WSGIEnvironment, find: Callable[[str], Target | None]) -> Headers | None:
        path: str = environ["PATH_INFO"]
        if not path.startswith(PREFIX) or not self._is_ordinary(environ):
            return None
        agent: str = environ.get("HTTP_USER_AGENT", "")
        verdict = classify("GET", {}, agent, is_self=False)
        code = path[len(PREFIX) :]
        if verdict == Verdict.PREVIEW_BOT or not CODE.fullmatch(code):
            return None
        target = find(code)
        if target is None or target.is_disabled:
            return None
        click_id = self._intake.record(
            target, Hit(verdict, kind_of(agent), ip_of(environ, self._proxies), agent)
        )
        if not self._headers:
            self._headers = self._drawn_by_flask()
        request_id = random_text(_REQUEST_ID_LENGTH)
        return [("Location", target.location(click_id)), (REQUEST_ID, request_id), *self._headers]

    def _is_ordinary(self, environ: WSGIEnvironment) -> bool:
        return (
            environ["REQUEST_METHOD"] == "GET"
            and environ.get("HTTP_HOST") == self._host
            and not environ.get("SCRIPT_NAME")
            and self._cookie not in environ.get("HTTP_COOKIE", "")
            and PREFETCH_VARIABLES.isdisjoint(environ)
            and self._intake.keys.has_all(clock.now())
        )

    def _find(self, code: str) -> Target | None:
        """Return the link, None where Flask has to say what is wrong."""
        target = self._intake.links.fresh(code)
        if target is not None:
            return target
        with self._app.app_context():
            try:
                return self._intake.links.find(code)
            except SQLAlchemyError:
                return None

    def _drawn_by_flask(self) -> Headers:
        """Return the headers of every redirect, as Flask and all that hooks into it make them."""
        base_url = self._app.config["CONTENTFLOW"].public_base_url
        with self._app.test_request_context(f"{PREFIX}0000000", base_url=base_url) as context:
            response = self._app.process_response(sent_to(""))
            headers = response.get_wsgi_headers(context.request.environ)
            return [(name, value) for name, value in headers.items() if name not in {"Location", REQUEST_ID}]
