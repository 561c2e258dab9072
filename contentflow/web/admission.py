"""Who may call a view, said beside the view and checked in one place, in PRODUCT's order.

Feature off (404 or 400) → not logged in, or too long ago where that counts (303, or 401 for HTMX) →
foreign origin (403) → CSRF (400).
Fields and foreign objects are the view's and the service's part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import Flask, Response, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import RequestEntityTooLarge

from contentflow.config import settings
from contentflow.web.htmx import is_htmx, render
from contentflow.web.security import our_path

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

csrf = CSRFProtect()


@dataclass(frozen=True)
class Admission:
    """``who``: partner, public (anybody, CSRF on POST) or open (anybody, authenticated otherwise).

    ``is_fresh``: the partner logged in within the last 15 minutes.
    """

    who: str
    is_fresh: bool = False


@dataclass(frozen=True)
class Gate:
    """Every path below ``prefix`` answers ``status`` with ``page`` while the setting is false."""

    prefix: str
    setting: str
    status: int
    page: str


def _mark(view: View, who: str, is_fresh: bool = False) -> View:
    view.admission = Admission(who, is_fresh)  # type: ignore[attr-defined]
    return view


def partner_required(view: View) -> View:
    return _mark(view, "partner")


def fresh_login_required(view: View) -> View:
    """For money, export and erasure: a browser that was left open shows and does none of it."""
    return _mark(view, "partner", is_fresh=True)


def public(view: View) -> View:
    return _mark(view, "public")


def open_post(view: View) -> View:
    """For posts that carry their own proof (a token, a signature): no session, no CSRF."""
    return _mark(view, "open")


def init_app(app: Flask) -> None:
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    csrf.init_app(app)
    app.before_request(_admit)
    app.add_template_global(is_switched_on)


def admission_of(endpoint: str) -> Admission | None:
    """Return what a view says of itself; None for a view that says nothing (a guard test forbids it)."""
    if endpoint == "static":
        return Admission("public")
    return getattr(current_app.view_functions[endpoint], "admission", None)


def close_when_off(app: Flask, gate: Gate) -> None:
    """Let a setting switch a part of the site off; the first gate that fits a path answers."""
    app.extensions.setdefault("gates", []).append(gate)


def is_switched_on(url: str) -> bool:
    """Whether a page of ours is not switched off: nothing may lead to one that is."""
    return _closed_gate(url.partition("?")[0]) is None


def _closed_gate(path: str) -> Gate | None:
    gates: list[Gate] = current_app.extensions.get("gates", [])
    closed = (
        gate for gate in gates if path.startswith(gate.prefix) and not getattr(settings(), gate.setting)
    )
    return next(closed, None)


def _admit() -> ResponseReturnValue | None:
    if gate := _closed_gate(request.path):
        return render(gate.page, gate.status)
    if request.endpoint is None:
        return None
    admission = admission_of(request.endpoint)
    if admission is None:
        abort(404)
    if admission.who == "partner" and not current_user.is_authenticated:
        return _to_login(_wanted_path())
    if admission.is_fresh and not current_user.is_fresh:
        is_page = request.method in SAFE_METHODS
        return _to_login(request.full_path.rstrip("?") if is_page else _wanted_path())
    if request.method in SAFE_METHODS:
        return None
    if admission.who == "open":
        # Kept as it came: a signature is over these bytes, whatever content type they were sent as.
        request.get_data()
    else:
        _refuse_foreign_origin()
    _refuse_cut_body()
    if admission.who != "open":
        csrf.protect()
    return None


def _refuse_cut_body() -> None:
    # A body in chunks names no length to be refused for: Werkzeug would cut it at the limit in silence.
    if request.content_length is None and _is_read_to_the_limit():
        raise RequestEntityTooLarge


def _is_read_to_the_limit() -> bool:
    return request.form is not None and bool(getattr(request.stream, "is_exhausted", False))


def _to_login(wanted: str) -> ResponseReturnValue:
    login = url_for("partners.login", next=wanted)
    if is_htmx():
        return Response(status=401, headers={"HX-Redirect": login})
    return redirect(login, 303)


def _wanted_path() -> str:
    if request.method in SAFE_METHODS and not is_htmx():
        return request.full_path.rstrip("?")
    return our_path(request.headers.get("HX-Current-URL") or request.referrer) or url_for("portal.home")


def _refuse_foreign_origin() -> None:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site == "cross-site":
        abort(403)
    # A form on a page with “no-referrer” is posted with the origin “null” (Fetch, 3.1 “Origin”).
    # Over plain http browsers leave Sec-Fetch-Site out as well: there the token alone must do.
    is_plain_http = not settings().public_base_url.startswith("https:")
    if origin == "null" and (site == "same-origin" or (site is None and is_plain_http)):
        return
    if origin is not None and our_path(f"{origin}/") is None:
        abort(403)
