"""The partner's pages of clicks and money."""

from __future__ import annotations

from flask import Blueprint, Response, request, stream_with_context
from flask.typing import ResponseReturnValue
from jinja2 import pass_context
from jinja2.runtime import Context

from contentflow.core.csv_lines import MACHINE, OF_LANGUAGE, Dialect
from contentflow.earnings import click_ledger, statements, words
from contentflow.earnings.home import home
from contentflow.earnings.words import GLOSSARY, MENTIONS
from contentflow.partners.sessions import current_partner
from contentflow.web.admission import fresh_login_required, partner_required
from contentflow.web.htmx import render
from contentflow.web.language import language

bp = Blueprint("earnings", __name__, url_prefix="/partner/earnings")


@bp.app_template_filter()
@pass_context
def account_words(_: Context, account: str) -> str:
    """Asks for the context, or Jinja would write the word once and for all in its first reader's language."""
    return words.account_words(account)


@bp.app_template_filter()
@pass_context
def account_sentence(_: Context, account: str) -> str:
    return words.account_sentence(account)


@bp.get("")
@fresh_login_required
def page() -> ResponseReturnValue:
    return render(
        "earnings/home.html", home=home(current_partner().id, request.args.get("id", "")), terms=GLOSSARY
    )


@bp.get("/clicks")
@partner_required
def clicks() -> ResponseReturnValue:
    by = click_ledger.read_by(request.args.get("by", "day"))
    post_id = request.args.get("id", "")
    lines = click_ledger.lines(current_partner().id, by, post_id)
    return render("earnings/clicks.html", lines=lines, by=by, post_id=post_id, days=click_ledger.DAYS)


@bp.get("/clicks.csv")
@partner_required
def clicks_csv() -> ResponseReturnValue:
    rows = click_ledger.csv_of_clicks(current_partner().id, _dialect())
    return _csv(stream_with_context(rows), "clicks.csv")


@bp.get("/statement")
@fresh_login_required
def statement() -> ResponseReturnValue:
    month = request.args.get("month") or statements.this_month()
    found = statements.statement(current_partner().id, month)
    if request.args.get("format") == "csv":
        return _csv(
            stream_with_context(statements.csv_of_statement(found, _dialect())), f"statement-{month}.csv"
        )
    months = statements.months_of(current_partner().id)
    return render(
        "earnings/statement.html", statement=found, months=months, mentions=MENTIONS, terms=GLOSSARY
    )


def _dialect() -> Dialect:
    """Return how the page's language writes a file; ``dialect=machine`` is the same in every language."""
    return MACHINE if request.args.get("dialect") == "machine" else OF_LANGUAGE[language()]


def _csv(lines: object, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return Response(lines, mimetype="text/csv", headers=headers)  # type: ignore[arg-type]
