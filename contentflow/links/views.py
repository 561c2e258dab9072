"""The redirect: no cookie, nothing kept of the visitor but a verdict and a keyed hash."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request, session
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.routing import PathConverter

from contentflow.config import settings
from contentflow.core.db import db
from contentflow.core.errors import NotFound, TooMany
from contentflow.links.agents import kind_of
from contentflow.links.clicks import Hit, record_click
from contentflow.links.memory import Target, memory
from contentflow.links.services import find_link
from contentflow.links.targets import find_target, is_asset_id, without_tail
from contentflow.links.verdicts import Verdict, classify
from contentflow.offers.template_url import fill
from contentflow.partners.sessions import find_current_partner
from contentflow.web import limits
from contentflow.web.admission import public
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
    target = find_target(code)
    if target is None:
        return _unknown()
    if target.is_disabled:
        return answer(
            410, _("La personne qui avait partagé ce contenu l’a retiré. Vous pouvez fermer cette page.")
        )
    hit = _hit(target, is_credited=not is_asset_id(code) or _is_right_pair(target))
    click = record_click(target, hit)
    if click.verdict == Verdict.PREVIEW_BOT and not target.is_remembered:
        return _card(target) or _redirect(target, hit, click.id)
    return _redirect(target, hit, click.id)


@bp.after_request
def keep_out_of_sight(response: Response) -> Response:
    """Applies to refusals too: no cookie is set below ``/l/``, whatever a page drawn here asks for."""
    session.modified = False
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _is_right_pair(target: Target) -> bool:
    return without_tail(request.args.get("pid", "")) == target.partner_id


def _hit(target: Target, is_credited: bool) -> Hit:
    agent = request.headers.get("User-Agent", "")
    return Hit(
        verdict=classify(request.method, dict(request.headers), agent, _is_own_click(target)),
        agent_class=kind_of(agent),
        ip=client_ip(),
        agent=agent,
        is_credited=is_credited,
    )


def _is_own_click(target: Target) -> bool:
    """Whether the link's own partner is logged in here; visitors without a session ask nothing."""
    if target.is_remembered or current_app.config["SESSION_COOKIE_NAME"] not in request.cookies:
        return False
    try:
        partner = find_current_partner()
        return partner is not None and partner.id == target.partner_id
    except SQLAlchemyError:
        return False
    finally:
        db.session.rollback()


def _redirect(target: Target, hit: Hit, click_id: str) -> Response:
    location = fill(
        target.destination,
        click_id=click_id,
        partner_id=target.partner_id if hit.is_credited else "",
        submission_id=target.submission_id if hit.is_credited else "",
        channel=target.channel,
    )
    return Response(status=302, headers={"Location": location})


def _card(target: Target) -> ResponseReturnValue | None:
    draw, link = memory().card, find_link(target.code)
    return None if draw is None or link is None else draw(link)


def _unknown() -> Response:
    """Answer 404, or 429 to an address that tries codes; a known link costs nothing of that limit."""
    amount = settings().unknown_code_per_minute
    try:
        limits.take("unknown_code", client_hash("unknown_code"), amount, limits.MINUTE)
    except TooMany as refusal:
        refusal.message = _("C’est beaucoup en peu de temps. Réessayez dans un instant.")
        raise
    raise NotFound
