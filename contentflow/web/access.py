"""Who may call a view, said beside the view and checked in one place, in PRODUCT's order.

Feature off (404 or 400) → not logged in, or too long ago where that counts (303, or 401 for HTMX) →
foreign origin (403) → CSRF (400).
Fields and foreign objects are the view's and the service's part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from flask import Flask, Response, abort, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import RequestEntityTooLarge

from contentflow.config import settings
from contentflow.core import audit
from contentflow.web.errors import answer, request_id
from contentflow.web.htmx import is_htmx, render
from contentflow.web.security import our_path

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

csrf = CSRFProtect()


class Role(StrEnum):
    """Who may call a view; a guard test holds every route against its list."""

    PUBLIC = "public"  # anybody, with CSRF on POST
    TOKEN = "token"  # anybody whose request proves itself: no session, no CSRF
    PARTNER = "partner"
    OPERATOR = "operator"  # for anybody else the page does not exist


@dataclass(frozen=True)
class Access:
    """``is_fresh``: the partner logged in within the last 15 minutes.

    ``permission`` is what an operator's role must have, ``is_stepped_up``: with a code of the last 15
    minutes; ``is_before_gate``: also before the second factor. ``is_private``: for the partner's own eyes,
    not for who sees as them; ``is_always_open``: also a POST while seeing.
    """

    role: Role
    is_fresh: bool = False
    permission: str = ""
    is_stepped_up: bool = False
    is_before_gate: bool = False
    is_private: bool = False
    is_always_open: bool = False

    @property
    def needs_login(self) -> bool:
        return self.role in (Role.PARTNER, Role.OPERATOR)


class FeatureSwitch(NamedTuple):
    """Every path below ``prefix`` answers ``status`` with ``page`` while the setting is false."""

    prefix: str
    setting: str
    status: int
    page: str


def _mark(view: View, role: Role, is_fresh: bool = False, **more: Any) -> View:
    view.access = Access(role, is_fresh, **more)  # type: ignore[attr-defined]
    return view


def partner_required(view: View) -> View:
    return _mark(view, Role.PARTNER)


def fresh_login_required(view: View) -> View:
    """For money, export and erasure: a browser that was left open shows and does none of it."""
    return _mark(view, Role.PARTNER, is_fresh=True)


def permission_required(
    permission: str, *, stepped_up: bool = False, before_gate: bool = False
) -> Callable[[View], View]:
    """For who runs the programme, in a role that has ``permission``."""
    return lambda view: _mark(
        view, Role.OPERATOR, permission=permission, is_stepped_up=stepped_up, is_before_gate=before_gate
    )


def private(view: View) -> View:
    """For the partner alone: whoever sees as them meets 403. Stands above the role's own line."""
    return _replace(view, is_private=True)


def always_open(view: View) -> View:
    """For what stays open while somebody sees as a partner. Stands above the role's own line."""
    return _replace(view, is_always_open=True)


def _replace(view: View, **more: Any) -> View:
    view.access = replace(view.access, **more)  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    return _mark(view, Role.PUBLIC)


def token_authenticated(view: View) -> View:
    """For posts that carry their own proof (a token, a signature): no session, no CSRF."""
    return _mark(view, Role.TOKEN)


def init_app(app: Flask) -> None:
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    csrf.init_app(app)
    app.before_request(_check_access)
    app.add_template_global(is_switched_on)


def access_of(endpoint: str) -> Access | None:
    """Return what a view says of itself; None for a view that says nothing (a guard test forbids it)."""
    if endpoint == "static":
        return Access(Role.PUBLIC)
    return getattr(current_app.view_functions[endpoint], "access", None)


def add_switch(app: Flask, switch: FeatureSwitch) -> None:
    """Let a setting switch a part of the site off; the first switch that fits a path answers."""
    app.extensions.setdefault("feature_switches", []).append(switch)


def is_switched_on(url: str) -> bool:
    """Whether a page of ours is not switched off: nothing may lead to one that is."""
    return _switch_that_is_off(url.partition("?")[0]) is None


def _switch_that_is_off(path: str) -> FeatureSwitch | None:
    switches: list[FeatureSwitch] = current_app.extensions.get("feature_switches", [])
    closed = (
        switch
        for switch in switches
        if path.startswith(switch.prefix) and not getattr(settings(), switch.setting)
    )
    return next(closed, None)


def _check_access() -> ResponseReturnValue | None:
    if switch := _switch_that_is_off(request.path):
        return render(switch.page, switch.status)
    if request.endpoint is None:
        return None
    access = access_of(request.endpoint)
    if access is None:
        abort(404)
    audit.begin(audit.Asked(request_id=request_id()))
    if access.needs_login and not current_user.is_authenticated:
        return _to_login(_wanted_path())
    if (refusal := _refuse_while_seeing(access)) is not None:
        return refusal
    if access.role is Role.OPERATOR and (refusal := _refuse_operator(access)) is not None:
        return refusal
    if access.is_fresh and not current_user.is_fresh:
        is_page = request.method in SAFE_METHODS
        return _to_login(request.full_path.rstrip("?") if is_page else _wanted_path())
    if request.method in SAFE_METHODS:
        return None
    if access.role is Role.TOKEN:
        # Kept as it came: a signature is over these bytes, whatever content type they were sent as.
        request.get_data()
    else:
        _refuse_foreign_origin()
    # A body in chunks names no length to be refused for: Werkzeug would cut it at the limit in silence.
    is_in_chunks = request.content_length is None and request.form is not None
    if is_in_chunks and getattr(request.stream, "is_exhausted", False):
        raise RequestEntityTooLarge
    if access.role is not Role.TOKEN:
        csrf.protect()
    return to_step_up() if access.is_stepped_up and not current_user.is_stepped_up else None


def to_step_up() -> ResponseReturnValue:
    """Ask for a code, and come back to where this person was, with what they typed."""
    if request.method in SAFE_METHODS:
        wanted = request.full_path.rstrip("?")
    else:
        wanted = our_path(request.headers.get("HX-Current-URL") or request.referrer) or url_for(
            "console.board"
        )
        typed = {name: values for name, values in request.form.lists() if name != "csrf_token"}
        current_user.keep_form(request.path, typed)
    return _go_to(url_for("console.second_factor", next=wanted))


def _refuse_operator(access: Access) -> ResponseReturnValue | None:
    """Nobody without a role learns that the page exists; then the second factor, then the permission."""
    if not current_user.role:
        abort(404)
    audit.begin(audit.Asked(current_user.role, current_user.seen_as, request_id()))
    if not access.is_before_gate and not current_user.has_passed:
        return _go_to(url_for("console.second_factor", next=_wanted_path()))
    if not current_user.may(access.permission):
        return answer(403, _("Votre rôle ne permet pas cela."))
    if access.is_stepped_up and not current_user.is_stepped_up and request.method in SAFE_METHODS:
        return to_step_up()
    return None


def _refuse_while_seeing(access: Access) -> ResponseReturnValue | None:
    """Who sees as a partner only reads, and only what is not for the partner's own eyes."""
    has_token = "token" in (request.view_args or {})
    is_closed = request.method not in SAFE_METHODS or access.is_private or has_token
    # Who is there is asked only where it matters, and where a session is: visitors ask the database nothing.
    if not is_closed or access.is_always_open or "_user_id" not in session:
        return None
    if not current_user.is_authenticated or not current_user.seen_as:
        return None
    return answer(
        403, _("Vous regardez comme un partenaire : rien ne se fait et rien ne se télécharge ainsi.")
    )


def _go_to(url: str) -> ResponseReturnValue:
    return Response(status=401, headers={"HX-Redirect": url}) if is_htmx() else redirect(url, 303)


def _to_login(wanted: str) -> ResponseReturnValue:
    return _go_to(url_for("partners.login", next=wanted))


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
