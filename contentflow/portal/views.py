"""The partner's home, the pages of clicks and money, the export and the way out."""

from __future__ import annotations

from flask import Blueprint, Response, flash, json, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contentflow.config import settings
from contentflow.core.csv_lines import MACHINE, OF_LANGUAGE, Dialect
from contentflow.core.db import db, transaction
from contentflow.ledger.words import GLOSSARY
from contentflow.links.folding import fold
from contentflow.links.sentences import CHANNEL_NAMES
from contentflow.partners import erasure
from contentflow.partners.sessions import current_partner, log_out
from contentflow.payouts import showing
from contentflow.portal import click_report, services, statements
from contentflow.portal.earnings_overview import earnings_overview
from contentflow.portal.forms import EraseForm
from contentflow.portal.words import MENTIONS
from contentflow.web.access import fresh_login_required, partner_required, private
from contentflow.web.htmx import go_to, render
from contentflow.web.language import language

bp = Blueprint("portal", __name__, url_prefix="/partner")
earnings_bp = Blueprint("earnings", __name__, url_prefix="/partner/earnings")


@bp.get("/portal")
@partner_required
def home() -> ResponseReturnValue:
    sent = request.args
    home = services.home(current_partner().id, sent.get("before", ""), sent.get("after", ""))
    return render("portal/home.html", home=home, names=CHANNEL_NAMES)


@bp.get("/export.json")
@private
@fresh_login_required
def export() -> ResponseReturnValue:
    fold(wait_seconds=1.0)
    db.session.rollback()  # What was read before this moment is read anew, the folded clicks with it.
    held = services.export(current_partner())
    headers = {"Content-Disposition": 'attachment; filename="contentflow-export.json"'}
    return Response(json.dumps(held, ensure_ascii=False), mimetype="application/json", headers=headers)


@bp.get("/erase")
@private
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
    is_done = erasure.finish(partner_id)
    log_out()
    flash(_("Ton compte est supprimé : ton adresse, ton nom, tes textes et tes vidéos sont effacés."), "ok")
    if not is_done:
        flash(_("Les derniers textes et vidéos s’effacent dans les minutes qui viennent."), "info")
    return go_to(url_for("web.home"))


def _erase_page(form: EraseForm, status: int = 200) -> Response:
    return render("portal/erase.html", status, form=form, owed=services.owed_to(current_partner().id))


@earnings_bp.get("")
@fresh_login_required
def page() -> ResponseReturnValue:
    overview = earnings_overview(current_partner().id, request.args.get("id", ""))
    outlook = showing.outlook(current_partner().id) if settings().payouts_enabled else None
    return render("portal/earnings_overview.html", overview=overview, outlook=outlook, terms=GLOSSARY)


@earnings_bp.get("/clicks")
@partner_required
def clicks() -> ResponseReturnValue:
    by = click_report.read_by(request.args.get("by", "day"))
    post_id = request.args.get("id", "")
    lines = click_report.lines(current_partner().id, by, post_id)
    return render("portal/click_report.html", lines=lines, by=by, post_id=post_id, days=click_report.DAYS)


@earnings_bp.get("/clicks.csv")
@private
@partner_required
def clicks_csv() -> ResponseReturnValue:
    rows = click_report.csv_of_clicks(current_partner().id, _dialect())
    return _csv(stream_with_context(rows), "clicks.csv")


@earnings_bp.get("/statement")
@private
@fresh_login_required
def statement() -> ResponseReturnValue:
    month = request.args.get("month") or statements.this_month()
    found = statements.statement(current_partner().id, month)
    if request.args.get("format") == "csv":
        return _csv(
            stream_with_context(statements.csv_of_statement(found, _dialect())), f"statement-{month}.csv"
        )
    months = statements.months_of(current_partner().id)
    return render("portal/statement.html", statement=found, months=months, mentions=MENTIONS, terms=GLOSSARY)


def _dialect() -> Dialect:
    """Return how the page's language writes a file; ``dialect=machine`` is the same in every language."""
    return MACHINE if request.args.get("dialect") == "machine" else OF_LANGUAGE[language()]


def _csv(lines: object, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return Response(lines, mimetype="text/csv", headers=headers)  # type: ignore[arg-type]
