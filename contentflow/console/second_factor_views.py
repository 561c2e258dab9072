"""The second factor: set up before the first page, asked for once a session, and again for what weighs."""

from __future__ import annotations

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from contentflow.console.pages import actor, bp
from contentflow.core.db import transaction
from contentflow.partners import passkeys
from contentflow.partners import second_factor as factors
from contentflow.partners.errors import WrongFactor
from contentflow.partners.next_page import local_path
from contentflow.partners.roles import Permission
from contentflow.partners.sessions import current_person
from contentflow.web.access import permission_required
from contentflow.web.errors import answer
from contentflow.web.htmx import render

MAX_CODE_LENGTH = 64


@bp.get("/second-factor")
@permission_required(Permission.BOARD, before_gate=True)
def second_factor() -> ResponseReturnValue:
    return _page()


@bp.post("/second-factor")
@permission_required(Permission.BOARD, before_gate=True)
def set_up_factor() -> ResponseReturnValue:
    with transaction():
        codes = factors.confirm(actor(), _code(), _token_hash())
    if codes is None:
        return _wrong()
    return _codes(codes)


@bp.post("/second-factor/check")
@permission_required(Permission.BOARD, before_gate=True)
def check_factor() -> ResponseReturnValue:
    """A code, or in ``credential`` what a passkey answered."""
    signed = request.form.get("credential", "")
    with transaction():
        if signed:
            is_right = passkeys.check(actor(), signed, _token_hash())
        else:
            is_right = factors.check(actor(), _code(), _token_hash())
    return redirect(_next() or url_for("console.board"), 303) if is_right else _wrong()


@bp.post("/second-factor/recovery")
@permission_required(Permission.BOARD, stepped_up=True)
def renew_recovery() -> ResponseReturnValue:
    with transaction():
        codes = factors.renew_recovery(actor())
    return _codes(codes)


@bp.post("/second-factor/passkey/options")
@permission_required(Permission.BOARD, before_gate=True)
def passkey_options() -> ResponseReturnValue:
    """What the browser hands to the device, as JSON; a new passkey is only made once a code was given."""
    is_new = request.form.get("for") == "create"
    if is_new and not current_user.is_stepped_up:
        return answer(403, _("Donnez d’abord un code."))
    with transaction():
        if is_new:
            options = passkeys.creation_options(current_person(), _token_hash())
        else:
            options = passkeys.request_options(actor(), _token_hash())
    return Response(options, mimetype="application/json")


@bp.post("/second-factor/passkey")
@permission_required(Permission.BOARD, stepped_up=True)
def add_passkey() -> ResponseReturnValue:
    with transaction():
        form = request.form
        passkeys.register(actor(), form.get("name", ""), form.get("credential", ""), _token_hash())
    return redirect(url_for("console.second_factor"), 303)


@bp.post("/second-factor/passkey/remove")
@permission_required(Permission.BOARD, stepped_up=True)
def remove_passkey() -> ResponseReturnValue:
    with transaction():
        passkeys.remove(actor(), request.form.get("credential", ""))
    return redirect(url_for("console.second_factor"), 303)


def _page(status: int = 200, error: str = "") -> Response:
    person = current_person()
    context = {"next": _next(), "error": error, "offers_passkeys": passkeys.is_offered()}
    if not factors.is_set_up(person.id):
        import segno  # Whoever sets up a factor needs it, and nobody else.

        secret = factors.offered_key(_token_hash())
        drawn = segno.make(factors.address_of(person, secret), error="m")
        # It stands in the page itself: no address of it is in any history.
        picture = drawn.svg_data_uri(scale=5, border=3, light="#fff")
        return render("console/factor_set_up.html", status, secret=secret, picture=picture, **context)
    if not current_user.is_stepped_up and (not current_user.has_passed or _next()):
        number = passkeys.number_of(person.id)
        return render("console/factor_check.html", status, passkeys=number, **context)
    mine = passkeys.list_passkeys(person.id)
    left = factors.codes_left(person.id)
    return render("console/factor.html", status, left=left, passkeys=mine, **context)


def _codes(codes: list[str]) -> Response:
    return render("console/factor_codes.html", codes=codes, next=_next())


def _wrong() -> ResponseReturnValue:
    """Say so; after the fifth time the refusal says for how long."""
    factor = factors.find(actor())
    if factor is not None:
        factors.refuse_locked(factor)
    return _page(422, str(WrongFactor.message))


def _code() -> str:
    return request.form.get("code", "")[:MAX_CODE_LENGTH]


def _next() -> str:
    return local_path(request.values.get("next"))


def _token_hash() -> str:
    token_hash: str = current_user.session.token_hash
    return token_hash
