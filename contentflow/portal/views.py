"""The partner's home and the export."""

from __future__ import annotations

from flask import Blueprint, Response, json, request, url_for
from flask.typing import ResponseReturnValue

from contentflow.core.db import db, transaction
from contentflow.links.replay import replay_spool
from contentflow.partners import erasing
from contentflow.partners.sessions import current_partner, is_fresh, leave
from contentflow.portal import services
from contentflow.sharekit.sentences import CHANNEL_NAMES
from contentflow.web.admission import fresh_login_required, partner_required
from contentflow.web.htmx import go_to, is_htmx, render

bp = Blueprint("portal", __name__, url_prefix="/partner")


@bp.get("/portal")
@partner_required
def home() -> ResponseReturnValue:
    sent = request.args
    home = services.home(current_partner().id, sent.get("before", ""), sent.get("after", ""))
    return render("portal/home.html", home=home, names=CHANNEL_NAMES)


@bp.get("/export.json")
@fresh_login_required
def export() -> ResponseReturnValue:
    replay_spool()
    db.session.rollback()  # What was read before this moment is read anew, the replayed clicks with it.
    held = services.export(current_partner())
    headers = {"Content-Disposition": 'attachment; filename="contentflow-export.json"'}
    return Response(json.dumps(held, ensure_ascii=False), mimetype="application/json", headers=headers)


@bp.post("/erase")
@partner_required
def erase() -> ResponseReturnValue:
    if not is_fresh():
        return _to_fresh_login()
    partner_id = current_partner().id
    with transaction():
        services.erase(partner_id, request.form.get("confirm", ""))
    erasing.finish(partner_id)
    leave()
    return go_to(url_for("web.home"))


def _to_fresh_login() -> Response:
    login = url_for("partners.login", next=url_for("portal.home"))
    if is_htmx():
        return Response(status=401, headers={"HX-Redirect": login})
    return Response(status=303, headers={"Location": login})
