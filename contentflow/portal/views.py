"""The partner's home, the export and the way out."""

from __future__ import annotations

from flask import Blueprint, Response, flash, json, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contentflow.core.db import db, transaction
from contentflow.links.replay import replay_spool
from contentflow.partners import erasing
from contentflow.partners.sessions import current_partner, leave
from contentflow.portal import services
from contentflow.portal.forms import EraseForm
from contentflow.sharekit.sentences import CHANNEL_NAMES
from contentflow.web.admission import fresh_login_required, partner_required
from contentflow.web.htmx import go_to, render

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


@bp.get("/erase")
@fresh_login_required
def erase_page() -> ResponseReturnValue:
    return _erase_page(EraseForm(formdata=None))


@bp.post("/erase")
@fresh_login_required
def erase() -> ResponseReturnValue:
    form, partner_id = EraseForm(), current_partner().id
    if not form.validate():
        return _erase_page(form, 422)
    with transaction():
        services.erase(partner_id, form.confirm.data or "")
    is_done = erasing.finish(partner_id)
    leave()
    flash(_("Ton compte est supprimé : ton adresse, ton nom, tes textes et tes vidéos sont effacés."), "ok")
    if not is_done:
        flash(_("Les derniers textes et vidéos s’effacent dans les minutes qui viennent."), "info")
    return go_to(url_for("web.home"))


def _erase_page(form: EraseForm, status: int = 200) -> Response:
    return render("portal/erase.html", status, form=form, owed=services.owed_to(current_partner().id))
