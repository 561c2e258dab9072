"""The lists whose rows are acted on: posts, holds, partners; and one partner on one page."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contentflow.byop import clips
from contentflow.console import days, lists, rows
from contentflow.console.pages import actor, bp, done, reason
from contentflow.console.views import listed
from contentflow.core import clock
from contentflow.core.db import transaction
from contentflow.ledger import contracts
from contentflow.partners import accounts
from contentflow.partners import services as partners_of
from contentflow.partners.roles import Permission
from contentflow.web.access import permission_required
from contentflow.web.files import send_media
from contentflow.web.htmx import render


@bp.get("/posts")
@permission_required(Permission.SEE_POSTS)
def posts() -> ResponseReturnValue:
    found, wanted = listed("posts")
    return render("console/posts.html", found=found, wanted=wanted, shown=rows.posts(found.rows))


@bp.get("/posts/<post_id>/file")
@permission_required(Permission.SEE_POSTS)
def post_file(post_id: str) -> ResponseReturnValue:
    """The clip as its owner sees it, or its cover: looked at before anybody may."""
    found = clips.find_file(rows.clip(post_id), request.args.get("name", "clip"))
    return send_media(*found)


@bp.get("/holds")
@permission_required(Permission.SEE_MONEY)
def holds() -> ResponseReturnValue:
    found, wanted = listed("holds", state="open")
    return render("console/holds.html", found=found, wanted=wanted, shown=rows.holds(found.rows))


@bp.get("/partners")
@permission_required(Permission.SEE_PARTNERS)
def partners() -> ResponseReturnValue:
    found, wanted = listed("partners")
    warned = lists.warned_partners() if wanted.get("state") == "warned" else {}
    limit = contracts.LIMIT_CENTS
    return render("console/partners.html", found=found, wanted=wanted, warned=warned, limit_cents=limit)


@bp.get("/partners/<partner_id>")
@permission_required(Permission.SEE_PARTNERS)
def partner(partner_id: str) -> ResponseReturnValue:
    return render("console/partner.html", shown=rows.partner(partner_id))


@bp.post("/partners/sessions/end")
@permission_required(Permission.MANAGE_PARTNERS)
def end_sessions() -> ResponseReturnValue:
    partner_id = request.form.get("partner", "")
    with transaction():
        accounts.end_sessions(partner_id, actor(), reason())
    return done(_("C’est fait : ses sessions sont fermées."), "console.partner", partner_id=partner_id)


@bp.post("/partners/contract")
@permission_required(Permission.SETTLE)
def record_contract() -> ResponseReturnValue:
    """Put a contract that was accepted on record: what waited for it is let go."""
    partner_id, sent = request.form.get("partner", ""), request.form
    day = days.read_day(sent.get("accepted", "")) or clock.today()
    with transaction():
        partners_of.get_partner(partner_id)
        contracts.record_contract(
            partner_id, sent.get("advertiser", ""), sent.get("version", ""), clock.start_of(day), actor()
        )
    said = _("Le contrat est noté : ce qui l’attendait est libéré.")
    return done(said, "console.partner", partner_id=partner_id, _anchor="contracts")


@bp.post("/partners/note")
@permission_required(Permission.MANAGE_PARTNERS)
def note_partner() -> ResponseReturnValue:
    partner_id = request.form.get("partner", "")
    with transaction():
        accounts.note(partner_id, actor(), reason("note" if "note" in request.form else "words"))
    return done(_("La note est gardée."), "console.partner", partner_id=partner_id)
