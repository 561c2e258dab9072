"""The offers as partners see them: the list, the page of one, its picture."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from contentflow.core.errors import NotFound
from contentflow.core.ids import is_id
from contentflow.offers import pictures, services
from contentflow.web.access import partner_required
from contentflow.web.htmx import render

bp = Blueprint("offers", __name__, url_prefix="/partner/offers")
YEAR_SECONDS = 365 * 24 * 3600


@bp.get("")
@partner_required
def index() -> ResponseReturnValue:
    return render("offers/index.html", offers=services.list_offers())


@bp.get("/<offer_id>")
@partner_required
def offer(offer_id: str) -> ResponseReturnValue:
    found = services.get_offer(_id(offer_id))
    return render("offers/offer.html", offer=found, is_open=services.is_promoted(found))


@bp.get("/<offer_id>/picture")
@partner_required
def picture(offer_id: str) -> ResponseReturnValue:
    found = pictures.get_picture(_id(offer_id))
    response = Response(found.content, mimetype=found.mimetype)
    response.set_etag(services.get_offer(offer_id).picture_digest)
    return response.make_conditional(request)


def _id(text: str) -> str:
    if not is_id(text):  # PostgreSQL refuses some text, such as NUL.
        raise NotFound
    return text
