"""The redirect: no cookie, nothing kept of the visitor but a verdict and a keyed hash."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request, session
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.routing import PathConverter

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import NotFound, TooMany
from contentflow.links.agents import kind_of
from contentflow.links.clicks import Hit, intake
from contentflow.links.link_cache import is_asset_id, without_tail
from contentflow.links.services import find_link
from contentflow.links.targets import Target
from contentflow.links.verdicts import Verdict, classify
from contentflow.partners.sessions import find_current_partner, is_seeing
from contentflow.web import limits
from contentflow.web.access import public
from contentflow.web.errors import answer
from contentflow.web.security import client_hash, client_ip

bp = Blueprint("links", __name__, url_prefix="/l")


class CodeConverter(PathConverter):
    """``<code:…>``: a code or id to the path's end, without what was glued to it, a line's end included."""

    regex = "[^/](?s:.*?)"

    def to_python(self, value: str) -> str:
        return without_tail(value)


@bp.get("/<code:code>")
@public
def follow(code: str) -> ResponseReturnValue:
    target = intake().links.find(code)
    if target is None:
        # An address that tries codes gets 429; a known link costs nothing of that limit.
        amount = settings().unknown_code_per_minute
        try:
            limits.take("unknown_code", client_hash("unknown_code"), amount, limits.MINUTE)
        except TooMany as refusal:
            refusal.message = _("C’est beaucoup en peu de temps. Réessayez dans un instant.")
            raise
        raise NotFound
    if target.is_disabled:
        return answer(
            410, _("La personne qui avait partagé ce contenu l’a retiré. Vous pouvez fermer cette page.")
        )
    agent = request.headers.get("User-Agent", "")
    hit = Hit(
        verdict=classify(request.method, dict(request.headers), agent, _is_own_click(target)),
        agent_class=kind_of(agent),
        ip=client_ip(),
        agent=agent,
        is_attributed=not is_asset_id(code) or without_tail(request.args.get("pid", "")) == target.partner_id,
    )
    intake().keys.fetch(clock.now())
    click_id = intake().record(target, hit)
    preview = _preview(target) if hit.verdict == Verdict.PREVIEW_BOT else None
    return preview or sent_to(target.location(click_id, is_attributed=hit.is_attributed))


@bp.after_request
def keep_out_of_sight(response: Response) -> Response:
    """Applies to refusals too: no cookie is set below ``/l/``, whatever a page drawn here asks for."""
    session.modified = False
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def sent_to(location: str) -> Response:
    return Response(status=302, headers={"Location": location})


def _is_own_click(target: Target) -> bool:
    """Whether the link's own partner is logged in here, or who sees as one; visitors ask nothing."""
    if intake().links.is_away or current_app.config["SESSION_COOKIE_NAME"] not in request.cookies:
        return False
    try:
        partner = find_current_partner()
        return partner is not None and (partner.id == target.partner_id or is_seeing())
    except SQLAlchemyError:
        return False
    finally:
        db.session.rollback()


def _preview(target: Target) -> ResponseReturnValue | None:
    """Draw what a message shows of the link; None without a page to draw, or a database."""
    draw = intake().draw_preview
    if draw is None or intake().links.is_away:
        return None
    try:
        link = find_link(target.code)
        return None if link is None else draw(link)
    except SQLAlchemyError:
        db.session.rollback()
        return None
