"""Offers: those there are, which end soon; added, changed, looked at before, paused and taken up again."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contentflow.console import offer_form, offer_preview
from contentflow.console.board import SOON
from contentflow.console.offer_form import OfferForm
from contentflow.console.pages import actor, bp, done
from contentflow.core.db import transaction
from contentflow.core.ids import new_id
from contentflow.offers import administration, pictures
from contentflow.offers.categories import ALLOWED
from contentflow.offers.models import Offer
from contentflow.partners.roles import Permission
from contentflow.web.access import permission_required
from contentflow.web.htmx import render

MAX_BODY = pictures.MAX_BYTES + 64 * 1024


@bp.get("/offers")
@permission_required(Permission.SEE_OFFERS)
def offers() -> ResponseReturnValue:
    state = request.args.get("state", "")
    found = administration.ending_offers(SOON.days) if state == "ending" else administration.all_offers()
    return render("console/offers.html", offers=found, state=state)


@bp.get("/offers/new")
@permission_required(Permission.MANAGE_OFFERS)
def new_offer() -> ResponseReturnValue:
    return _form_page(OfferForm({"nonce": new_id()}))


@bp.post("/offers/new")
@permission_required(Permission.MANAGE_OFFERS)
def add_offer() -> ResponseReturnValue:
    form = offer_form.read(request.form)
    if form.errors:
        return _form_page(form, status=422)
    with transaction():
        offer = administration.add(actor(), **form.named, terms=form.terms, form_hash=form.hash(actor()))
        _set_picture(offer)
        offer_id = offer.id
    return redirect(url_for("console.offer", offer_id=offer_id), 303)


@bp.get("/offers/<offer_id>")
@permission_required(Permission.SEE_OFFERS)
def offer(offer_id: str) -> ResponseReturnValue:
    found = administration.get_offer(offer_id)
    return _form_page(offer_form.of_offer(found), found)


@bp.post("/offers/<offer_id>")
@permission_required(Permission.MANAGE_OFFERS)
def change_offer(offer_id: str) -> ResponseReturnValue:
    found, form = administration.get_offer(offer_id), offer_form.read(request.form)
    if form.errors:
        return _form_page(form, found, 422)
    with transaction():
        changed = administration.change(offer_id, actor(), **form.values)
        _set_picture(changed)
    return redirect(url_for("console.offer", offer_id=offer_id), 303)


@bp.post("/offers/preview")
@permission_required(Permission.MANAGE_OFFERS)
def preview_offer() -> ResponseReturnValue:
    """What the form would make of an offer; nothing is written, and all that was typed stays."""
    form, offer_id = offer_form.read(request.form), request.form.get("offer", "")
    found = administration.get_offer(offer_id) if offer_id else None
    shown = None if form.errors else offer_preview.preview(form.offer, found)
    return _form_page(form, found, 422 if form.errors else 200, shown)


@bp.post("/offers/pause")
@permission_required(Permission.MANAGE_OFFERS)
def pause_offer() -> ResponseReturnValue:
    return _set_paused(True)


@bp.post("/offers/resume")
@permission_required(Permission.MANAGE_OFFERS)
def resume_offer() -> ResponseReturnValue:
    return _set_paused(False)


def _set_paused(is_paused: bool) -> ResponseReturnValue:
    """The row keeps its place; where the list is of offers that end soon, one that rests has left it."""
    state = request.args.get("state", "")
    with transaction():
        offer = administration.set_paused(request.form.get("offer", ""), is_paused, actor())
        where, name = {"state": state} if state else {"_anchor": f"offer-{offer.id}"}, offer.name
    said = _("« %(name)s » est en pause.") if is_paused else _("« %(name)s » est rouverte.")
    return done(said % {"name": name}, "console.offers", **where)


def _set_picture(offer: Offer) -> None:
    sent = request.files.get("picture")
    if sent is not None and sent.filename:
        pictures.set_picture(offer, sent.stream.read(pictures.MAX_BYTES + 1))


def _form_page(
    form: OfferForm, found: Offer | None = None, status: int = 200,
    preview: offer_preview.OfferPreview | None = None,
) -> ResponseReturnValue:  # fmt: skip
    context = {"form": form, "offer": found, "preview": preview, "categories": ALLOWED}
    return render("console/offer.html", status, **context)
