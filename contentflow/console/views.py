"""The board, the lists that only show, and the CSV of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal
from flask_babel import gettext as _
from flask_login import current_user

from contentflow.console import board as week
from contentflow.console import figures, lists
from contentflow.console import health as soundness
from contentflow.console.pages import actor, bp
from contentflow.core import audit as auditing
from contentflow.core.csv_lines import OF_LANGUAGE
from contentflow.core.db import transaction
from contentflow.core.paging import Page
from contentflow.partners import kept_filters
from contentflow.partners import services as people
from contentflow.partners.roles import Permission
from contentflow.web.access import permission_required, to_step_up
from contentflow.web.errors import answer
from contentflow.web.htmx import render
from contentflow.web.language import language

WHOLE = frozenset(("console.payouts", "console.mail"))  # lists that lines open without a filter


@bp.get("/")
@permission_required(Permission.BOARD)
def board() -> ResponseReturnValue:
    jobs = [job for job in week.jobs(actor()) if current_user.may(job.permission)]
    kept = kept_filters.list_views(actor())
    month = figures.month_figures() if current_user.may(Permission.SEE_NUMBERS) else None
    return render(
        "console/board.html", jobs=jobs, month=month, unwell=soundness.titles(week.unwell()), views=kept
    )


@bp.app_template_global()
def next_on_board() -> week.NextLine | None:
    """What waits after the list that is looked at; None where no line of the board opens it."""
    filters = {name: value for name, value in request.args.items() if value and name != "after"}
    if request.method != "GET" or not ("state" in filters or request.endpoint in WHOLE):
        return None
    return week.next_line(request.endpoint or "", filters, actor(), current_user.may)


@bp.get("/audit")
@permission_required(Permission.SEE_AUDIT)
def audit() -> ResponseReturnValue:
    found, wanted = listed("audit")
    names = people.names_of(entry.actor for entry in found.rows)
    return render("console/audit.html", found=found, wanted=wanted, names=names)


@bp.get("/health")
@permission_required(Permission.SEE_HEALTH)
def health() -> ResponseReturnValue:
    free, total = soundness.free_gigabytes()
    return render(
        "console/health.html",
        findings=soundness.findings(language()),
        queues=soundness.queues(),
        signs=soundness.last_signs(),
        free=format_decimal(free, "#,##0.0"),
        total=format_decimal(total, "#,##0"),
    )


@bp.post("/export")
@permission_required(Permission.EXPORT)
def export() -> ResponseReturnValue:
    """The CSV of exactly the filter that the page showed; addresses ask for more."""
    wanted = request.form.get("list", "")
    of = figures.REPORT if wanted == figures.REPORT.name else lists.get_list(wanted)
    if not current_user.may(of.permission):
        return answer(403, _("Votre rôle ne permet pas cela."))
    if of.holds_addresses and not current_user.may(Permission.EXPORT_ADDRESSES):
        return answer(403, _("Votre rôle n’exporte rien qui contienne des adresses."))
    if of.holds_addresses and not current_user.is_stepped_up:
        return to_step_up()
    filters = lists.filters_of(of, dict(parse_qsl(request.form.get("query", ""))))
    of.which(filters)  # A wrong filter is refused before anything is written.
    with transaction():
        auditing.note(actor(), "export", of.name, after=filters)
    headers = {"Content-Disposition": f'attachment; filename="{of.name}.csv"', "X-Accel-Buffering": "no"}
    lines = stream_with_context(of.csv(filters, OF_LANGUAGE[language()]))
    return Response(lines, mimetype="text/csv", headers=headers)


def listed(name: str, **defaults: str) -> tuple[Page[Any], Mapping[str, str]]:
    """Return the page of a list that the address names, and its filter."""
    of = lists.get_list(name)
    filters = {**defaults, **lists.filters_of(of, request.args)}
    return of.page(filters, request.args.get("after", "")), filters
