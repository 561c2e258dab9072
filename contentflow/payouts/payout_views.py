"""The partner's payouts: each with its state, its invoice, and the way to contest it."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contentflow.core.db import db, transaction
from contentflow.core.errors import NotFound, Refused
from contentflow.partners.sessions import current_partner
from contentflow.payouts import contesting, invoicing, showing
from contentflow.payouts.run_models import PayoutState
from contentflow.web.access import fresh_login_required, private
from contentflow.web.htmx import go_to, render

bp = Blueprint("payouts", __name__, url_prefix="/partner/payouts")


@bp.get("")
@fresh_login_required
def page() -> ResponseReturnValue:
    return _page()


@bp.get("/<payout_id>/invoice.pdf")
@private
@fresh_login_required
def invoice(payout_id: str) -> ResponseReturnValue:
    found = invoicing.invoice_of(current_partner().id, payout_id)
    return _pdf(invoicing.document_of(found), found.label)


@bp.get("/<payout_id>/credit-note.pdf")
@private
@fresh_login_required
def credit_note(payout_id: str) -> ResponseReturnValue:
    found = invoicing.credit_note_of(current_partner().id, payout_id)
    return _pdf(invoicing.document_of(found), found.label)


@bp.post("/contest")
@fresh_login_required
def contest() -> ResponseReturnValue:
    sent = request.form
    try:
        with transaction():
            payout = contesting.contest(current_partner().id, sent.get("payout", ""), sent.get("why", ""))
            is_cancelled = payout.state == PayoutState.CANCELLED
    except NotFound:
        raise
    except Refused as refusal:
        return _page(refusal)
    if is_cancelled:
        flash(_("La facture est annulée par un avoir, et la somme est de nouveau disponible."), "ok")
    else:
        flash(_("C’est noté : le virement est déjà parti, l’équipe te répond."), "ok")
    return go_to(url_for("payouts.page"))


def _page(refusal: Refused | None = None) -> Response:
    db.session.rollback()
    partner_id = current_partner().id
    return render(
        "payouts/payouts.html",
        refusal.status if refusal else 200,
        lines=showing.payout_lines(partner_id),
        outlook=showing.outlook(partner_id),
        error=str(refusal.message) if refusal else "",
        sent=request.form,
    )


def _pdf(content: bytes, label: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{label}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=headers)
