"""Headers on every answer, the hosts we answer to, cookies, and the client's address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, request
from flask_login import current_user
from werkzeug.exceptions import BadHost
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from contentflow.config import Settings, settings
from contentflow.core.client_address import client_address, subscriber_of
from contentflow.core.ids import token_in
from contentflow.core.signing import short_lived_hash

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# A mail shown in a frame: it runs nothing, loads nothing, and only our own pages may frame it.
FRAME_CSP = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MAX_TOKEN_LENGTH = 200  # Ours have 43; what a mail program glues to them fits too.
_HOST_DOT = re.compile(r"(?<=[^.])\.(?=$|:)")
IN_A_LANGUAGE = frozenset({"text/html", "text/csv"})
MAX_FIELDS_BYTES = 64 * 1024  # A thousand addresses of usual length, pasted.
SESSION_DAYS = 90


class TokenConverter(BaseConverter):
    """``<token:…>``: a token without what was glued to its link; text over 200 characters as it is."""

    regex = r"[^/]+/?"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return token_in(value) if len(value) <= MAX_TOKEN_LENGTH else value


def init_app(app: Flask) -> None:
    chosen: Settings = app.config["CONTENTFLOW"]
    app.config.update(
        SECRET_KEY=chosen.secret_key[0],
        SECRET_KEY_FALLBACKS=list(chosen.secret_key[1:]),
        SESSION_COOKIE_NAME="__Host-session" if chosen.is_https else "session",
        SESSION_COOKIE_SECURE=chosen.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=SESSION_DAYS * 86_400,
        MAX_CONTENT_LENGTH=MAX_FIELDS_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FIELDS_BYTES,
        MAX_FORM_PARTS=100,
    )
    if chosen.trusted_proxies:
        # Not x_for: it reads the list as quoted strings, so one quote sent along hides what a proxy added.
        fixed = ProxyFix(app.wsgi_app, x_for=0, x_proto=1, x_host=0)
        app.wsgi_app = fixed  # type: ignore[method-assign]
    app.url_map.converters["token"] = TokenConverter
    app.before_request(_refuse_foreign_host)
    app.after_request(_add_headers)


def allow_body(app: Flask, endpoint: str, most_bytes: int) -> None:
    """Let a route that takes a file have a body of that many bytes; every other keeps to the small limit."""
    app.extensions.setdefault("bodies", {})[endpoint] = most_bytes


def client_ip() -> str:
    """The visitor's address in one spelling, used for limits and keyed hashes only; it is kept nowhere."""
    return ip_of(request.environ, settings().trusted_proxies)


def ip_of(environ: Mapping[str, Any], proxies: int) -> str:
    """Return the address behind a WSGI request.

    Behind proxies it is the n-th from the right of ``X-Forwarded-For``, empty entries counted: what
    stands further left anybody may have sent. Where fewer stand there, it is who spoke to us.
    """
    if proxies and (forwarded := environ.get("HTTP_X_FORWARDED_FOR")) is not None:
        named = forwarded.rsplit(",", proxies)
        if len(named) >= proxies:
            return client_address(named[-proxies])
    return client_address(environ.get("REMOTE_ADDR") or "")


def wrap_inside_proxies(app: Flask, wrap: Callable[[WSGIApplication], WSGIApplication]) -> None:
    """Put a WSGI application around Flask's, behind what reads the proxies' headers."""
    if isinstance(app.wsgi_app, ProxyFix):
        app.wsgi_app.app = wrap(app.wsgi_app.app)
    else:
        app.wsgi_app = wrap(app.wsgi_app)  # type: ignore[method-assign, assignment]


def client_hash(purpose: str) -> str:
    """Return the key of a limit for whoever asks: one for an IPv4 address, one for a whole /64 of IPv6."""
    return short_lived_hash(purpose, subscriber_of(client_ip()))


def our_path(url: str | None) -> str | None:
    """Return path and query of a page of this site; None for any other, or where nobody can read it."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    if parts.netloc != request.host or not parts.path.startswith("/") or parts.path.startswith("//"):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _refuse_foreign_host() -> None:
    """Names have no case (RFC 9110, 4.2.3), and some clients send the dot that ends every one."""
    if isinstance(request.routing_exception, BadHost):
        abort(Response(status=400))  # No page of ours could be written: its links need a host.
    public = urlsplit(settings().public_base_url).netloc
    try:
        name = urlsplit(f"//{request.host}").hostname or ""
        is_loopback = name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        is_loopback = False
    if _HOST_DOT.sub("", request.host.lower()) != public and not is_loopback:
        abort(400)


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if bucket := settings().media_redirect_url:  # Players are sent there, and a policy judges redirects too.
        policy = response.headers["Content-Security-Policy"]
        response.headers["Content-Security-Policy"] = policy.replace(
            "media-src 'self'", f"media-src 'self' {bucket}"
        )
    if settings().is_https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    response.vary.add("HX-Request")
    if response.mimetype in IN_A_LANGUAGE:
        response.vary.update(("Accept-Language", "Cookie"))  # The cookie may hold the chosen language.
    # Whether this request already met a logged-in partner: the database is never asked for it.
    is_logged_in = g.get("_login_user") is not None and bool(current_user.is_authenticated)
    if is_logged_in and request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
