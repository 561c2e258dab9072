"""Who stands on the invoices, the account, and “Ce n'est pas moi”."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from contentflow.agreements import services as agreements
from contentflow.config import settings
from contentflow.core.db import transaction
from contentflow.partners.sessions import current_partner, is_seeing, log_out
from contentflow.payouts import bank_accounts, freezing, payees, profiles
from contentflow.payouts.billing_errors import BankCodeEnded, FreezeEnded, NoMailForCode, OwnIban
from contentflow.payouts.billing_forms import BankCodeForm, BankForm, BillingForm, filled
from contentflow.web.access import fresh_login_required, partner_required, token_authenticated
from contentflow.web.htmx import go_to, render
from contentflow.web.language import language
from contentflow.web.limits import HOUR, take
from contentflow.web.security import MAX_TOKEN_LENGTH

MAX_REQUESTS = 5  # an hour: each of them mails a code

bp = Blueprint("billing", __name__, url_prefix="/partner/billing")


@bp.get("")
@partner_required
def page() -> ResponseReturnValue:
    return _page()


@bp.post("")
@fresh_login_required
def save() -> ResponseReturnValue:
    mandate = agreements.in_force(payees.MANDATE)
    form = BillingForm(mandate.version if mandate else "")
    if form.is_abroad:
        with transaction():
            profiles.save_abroad(current_partner().id)
        return go_to(url_for("billing.page", _anchor="abroad"))
    if not form.validate():
        return _page(422, form=form)
    with transaction():
        profiles.save(current_partner().id, form.identity(), form.mandate.data or "")
    flash(_("C’est enregistré."), "ok")
    return go_to(url_for("billing.page"))


@bp.post("/bank")
@fresh_login_required
def bank() -> ResponseReturnValue:
    form, partner_id = BankForm(), current_partner().id
    if not form.validate():
        return _page(422, bank_form=form)
    try:
        with transaction():
            take("bank-request", partner_id, MAX_REQUESTS, HOUR)
            bank_accounts.ask(partner_id, form.account, form.name, language())
    except (OwnIban, NoMailForCode) as refusal:
        form.iban.errors = [str(refusal.message)]
        return _page(422, bank_form=form)
    return go_to(url_for("billing.page", _anchor="bank"))


@bp.post("/bank/confirm")
@fresh_login_required
def confirm() -> ResponseReturnValue:
    form = BankCodeForm()
    if not form.validate():
        return _page(422, code_form=form)
    try:
        with transaction():
            outcome = bank_accounts.confirm(current_partner().id, form.digits, language())
            is_taken = outcome.account is not None
    except BankCodeEnded as refusal:
        form.code.errors = [str(refusal.message)]
        return _page(422, code_form=form)
    if is_taken:
        flash(_("Ton compte bancaire est confirmé."), "ok")
        return go_to(url_for("billing.page", _anchor="bank"))
    left = ngettext("Encore %(num)d essai.", "Encore %(num)d essais.", outcome.tries_left)
    form.code.errors = [_("Ce n’est pas le bon code."), left]
    return _page(422, code_form=form)


@bp.get("/freeze/<token:token>")
@token_authenticated
def freeze_page(token: str) -> ResponseReturnValue:
    _refuse_long(token)
    freezing.partner_of_token(token)
    return render("payouts/freeze.html", token=token)


@bp.post("/freeze/<token:token>")
@token_authenticated
def freeze(token: str) -> ResponseReturnValue:
    _refuse_long(token)
    with transaction():
        freezing.freeze(token)
    log_out()
    return render("payouts/frozen.html", contact=settings().programme_contact or settings().email_from)


@bp.after_request
def _keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    if request.view_args and "token" in request.view_args:
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex"
    return response


@bp.errorhandler(FreezeEnded)
def _ended(refusal: FreezeEnded) -> Response:
    return render("payouts/freeze_ended.html", refusal.status, message=refusal.message)


def _refuse_long(token: str) -> None:
    if len(token) > MAX_TOKEN_LENGTH:
        raise FreezeEnded


def _page(status: int = 200, **forms: object) -> Response:
    partner_id = current_partner().id
    mandate = agreements.in_force(payees.MANDATE)
    context = {
        "form": filled(mandate.version if mandate else "", profiles.find_profile(partner_id)),
        "bank_form": BankForm(formdata=None),
        "code_form": BankCodeForm(formdata=None),
        "payee": payees.payee_of(partner_id),
        "mandate": mandate,
        "waiting": bank_accounts.find_request(partner_id),
        "cooldown_days": settings().payout_bank_cooldown_days,
        "is_seeing": is_seeing(),
        **forms,
    }
    return render("payouts/billing.html", status, **context)
