"""What others report and what leaves: sales of nobody, mails, addresses that said stop."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contentflow.consent import inquiries
from contentflow.console import lists, rows
from contentflow.console.pages import actor, bp, done, reason
from contentflow.console.views import listed
from contentflow.conversions import networks as networking
from contentflow.conversions import unattributed
from contentflow.core.db import transaction
from contentflow.mailing import services as mailing
from contentflow.mailing import standing
from contentflow.partners import services as people
from contentflow.partners.errors import NoReason
from contentflow.partners.roles import Permission
from contentflow.web.access import permission_required
from contentflow.web.htmx import render


@bp.get("/conversions")
@permission_required(Permission.SEE_MONEY)
def conversions() -> ResponseReturnValue:
    found, wanted = listed("conversions")
    return render(
        "console/conversions.html",
        found=found,
        wanted=wanted,
        names=people.names_of(row.partner_id for row in found.rows if row.partner_id),
        networks={network.id: network.name for network in networking.list_networks()},
        why=unattributed.why_unattributed,
    )


@bp.get("/conversions/<conversion_id>")
@permission_required(Permission.SEE_MONEY)
def conversion(conversion_id: str) -> ResponseReturnValue:
    return _conversion(conversion_id)


@bp.post("/conversions/attach")
@permission_required(Permission.SETTLE)
def attach_conversion() -> ResponseReturnValue:
    conversion_id = request.form.get("conversion", "")
    try:
        why = reason()
    except NoReason as refusal:
        return _conversion(conversion_id, refusal)
    with transaction():
        unattributed.attach_to_link(conversion_id, request.form.get("code", "").strip(), actor(), why)
    return done(_("C’est fait : la vente est donnée."), "console.conversions", state="unattributed")


@bp.post("/conversions/dismiss")
@permission_required(Permission.SETTLE)
def dismiss_conversion() -> ResponseReturnValue:
    conversion_id = request.form.get("conversion", "")
    try:
        why = reason()
    except NoReason as refusal:
        return _conversion(conversion_id, refusal)
    with transaction():
        unattributed.dismiss(conversion_id, actor(), why)
    said = _("C’est fait : la vente est écartée, elle reste au programme.")
    return done(said, "console.conversions", state="unattributed")


def _conversion(conversion_id: str, refusal: NoReason | None = None) -> ResponseReturnValue:
    shown = rows.conversion(conversion_id)
    error = str(refusal.message) if refusal else ""
    context = {"shown": shown, "error": error, "sent": request.form}
    return render("console/conversion.html", 422 if refusal else 200, **context)


@bp.get("/mail")
@permission_required(Permission.SEE_MAIL)
def mail() -> ResponseReturnValue:
    found, wanted = listed("deliveries")
    names = people.names_of(row.partner_id for row in found.rows if row.partner_id)
    senders = standing.paused_senders()
    names |= people.names_of(one.scope for one in senders)
    pauses = mailing.open_breakers()
    return render(
        "console/mail.html", found=found, wanted=wanted, names=names, pauses=pauses, senders=senders
    )


@bp.post("/mail/resume")
@permission_required(Permission.MANAGE_MAIL)
def resume_mail() -> ResponseReturnValue:
    """Of one sender for a reason, or of the transport that rests."""
    with transaction():
        if scope := request.form.get("scope", ""):
            mailing.resume_sender(scope, actor(), reason())
        else:
            mailing.resume(actor())
    said = _("C’est fait : ses envois reprennent.") if scope else _("C’est fait : l’envoi reprend.")
    return done(said, "console.mail", **lists.filters_of(lists.get_list("deliveries"), request.args))


@bp.get("/suppressions")
@permission_required(Permission.SEE_MAIL)
def suppressions() -> ResponseReturnValue:
    return render("console/suppressions.html", address="", known=None)


@bp.post("/suppressions")
@permission_required(Permission.SEE_MAIL)
def look_up_address() -> ResponseReturnValue:
    """Asked by POST: an address stands in no history and no log."""
    address = request.form.get("address", "").strip()
    return render("console/suppressions.html", address=address, known=inquiries.look_up(address))


@bp.post("/suppressions/add")
@permission_required(Permission.MANAGE_MAIL)
def add_suppression() -> ResponseReturnValue:
    address = request.form.get("address", "").strip()
    with transaction():
        inquiries.stop_address(address, actor(), reason())
    return render("console/suppressions.html", address=address, known=inquiries.look_up(address))


@bp.post("/suppressions/remove")
@permission_required(Permission.MANAGE_MAIL, stepped_up=True)
def remove_suppression() -> ResponseReturnValue:
    address = request.form.get("address", "").strip()
    with transaction():
        inquiries.lift_address(address, actor(), reason())
    return render("console/suppressions.html", address=address, known=inquiries.look_up(address))
