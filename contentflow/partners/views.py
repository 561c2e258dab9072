"""The login: asking for a mail, its code, its link, and the way out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import transaction
from contentflow.core.errors import TooMany
from contentflow.core.ids import new_token
from contentflow.core.signing import short_lived_hash
from contentflow.partners import accounts, addresses, login_requests, seeing, services
from contentflow.partners.errors import CodeEnded, LoginEnded, TooManyTries
from contentflow.partners.forms import CodeForm, LoginForm
from contentflow.partners.next_page import local_path
from contentflow.partners.sessions import current_partner, is_fresh, log_in, log_out, session_token
from contentflow.web.access import partner_required, public
from contentflow.web.htmx import go_to, is_htmx, render
from contentflow.web.language import language
from contentflow.web.limits import HOUR, take
from contentflow.web.security import MAX_TOKEN_LENGTH, client_hash

# An hour: mails that do not come are asked for again; an office or a café shares one address.
MAX_REQUESTS_PER_ADDRESS = 5
MAX_REQUESTS_PER_IP = 20
ASKED = "login"  # in the cookie: the browser's token, when it asked, where it wanted to go

bp = Blueprint("partners", __name__, url_prefix="/partner")


@bp.get("/login")
@public
def login() -> ResponseReturnValue:
    wanted = local_path(request.args.get("next"))
    if current_user.is_authenticated and (is_fresh() or not wanted):
        return redirect(wanted or url_for("portal.home"), 303)
    return _login_page(LoginForm(formdata=None), wanted)


@bp.post("/login")
@public
def request_login() -> ResponseReturnValue:
    form, wanted, browser_token = LoginForm(), local_path(request.form.get("next")), new_token()
    if not settings().sends_mail:
        return _login_page(form, wanted)
    if not form.validate():
        return _login_page(form, wanted, 422)
    with transaction():
        take("login-ip", client_hash("login-ip"), MAX_REQUESTS_PER_IP, HOUR)
        is_mailed = _take_of_address(form.address)
        if is_mailed:
            services.request_login(form.address, browser_token, language())
    if is_mailed:
        session[ASKED] = {"browser": browser_token, "at": clock.now().timestamp(), "next": wanted}
    meant = addresses.likely_meant(form.address)
    return _code_page(CodeForm(formdata=None), 200, email=form.address, meant=meant)


@bp.get("/login/code")
@public
def code_page() -> ResponseReturnValue:
    return redirect(url_for("partners.login"), 303)


@bp.post("/login/code")
@public
def login_code() -> ResponseReturnValue:
    form, browser_token = CodeForm(), _asked().get("browser")
    if not browser_token:
        raise CodeEnded
    if not form.validate():
        return _code_page(form, 422)
    with transaction():
        outcome = services.login_with_code(form.digits, browser_token)
        if outcome.session_token:
            services.revoke_session(session_token())
    if outcome.session_token:
        return _log_in(outcome.session_token)
    if not outcome.tries_left:
        raise TooManyTries
    left = ngettext("Encore %(num)d essai.", "Encore %(num)d essais.", outcome.tries_left)
    form.code.errors = [_("Ce n’est pas le bon code."), left]
    return _code_page(form, 422)


@bp.get("/login/<token:token>")
@public
def login_link(token: str) -> ResponseReturnValue:
    _refuse_long(token)
    try:
        return render("partners/login_link.html", token=token, who=services.partner_of_link(token))
    except LoginEnded:
        if not current_user.is_authenticated:
            raise
        return redirect(url_for("portal.home"), 303)  # Most likely the link that brought this person in.


@bp.post("/login/<token:token>")
@public
def use_link(token: str) -> ResponseReturnValue:
    _refuse_long(token)
    with transaction():
        new = services.login_with_token(token)
        services.revoke_session(session_token())
    return _log_in(new)


@bp.get("/sessions")
@partner_required
def sessions() -> ResponseReturnValue:
    partner_id = current_partner().id
    return render(
        "partners/sessions.html",
        sessions=accounts.list_sessions(partner_id),
        here=current_user.session.token_hash,
        sightings=seeing.sightings(partner_id),
    )


@bp.post("/logout")
@public
def logout() -> ResponseReturnValue:
    if session_token():
        with transaction():
            services.revoke_session(session_token())
    log_out()
    return go_to(url_for("web.home"))


@bp.errorhandler(LoginEnded)
def _ended(refusal: LoginEnded) -> Response:
    response = render("partners/login_ended.html", refusal.status, message=refusal.message)
    if is_htmx():
        response.headers.update({"HX-Retarget": "#login", "HX-Reswap": "outerHTML"})
    return response


@bp.after_request
def _keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    if request.view_args and "token" in request.view_args:
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _login_page(form: LoginForm, wanted: str, status: int = 200) -> Response:
    asked_at = float(_asked().get("at", 0))
    may_have_code = clock.now().timestamp() - asked_at < login_requests.LIFETIME.total_seconds()
    code_form = CodeForm(formdata=None) if may_have_code else None
    return render("partners/login.html", status, form=form, code_form=code_form, next=wanted)


def _code_page(form: CodeForm, status: int, email: str = "", meant: str | None = None) -> Response:
    context = {"code_form": form, "email": email, "meant": meant, "alone": True}
    return render("partners/login_sent.html", status, **context)


def _log_in(token: str) -> ResponseReturnValue:
    wanted = local_path(_asked().get("next"))
    log_in(token)
    return go_to(wanted or url_for("portal.home"))


def _asked() -> dict[str, Any]:
    asked = session.get(ASKED)
    return asked if isinstance(asked, dict) else {}


def _refuse_long(token: str) -> None:
    if len(token) > MAX_TOKEN_LENGTH:
        raise LoginEnded


def _take_of_address(address: str) -> bool:
    """Whether a mail may go; over the limit none does, and the answer does not tell."""
    try:
        take(
            "login-address",
            short_lived_hash("login", addresses.mailbox(address)),
            MAX_REQUESTS_PER_ADDRESS,
            HOUR,
        )
    except TooMany:
        return False
    return True
