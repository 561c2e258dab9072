"""Payouts: runs, one run, the bank's file and reports, what the accountant takes away."""

from __future__ import annotations

import io

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from contentflow.console.pages import actor, bp, done, reason, words
from contentflow.core import audit
from contentflow.core.db import db, transaction
from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import is_id
from contentflow.partners import second_factor as factors
from contentflow.partners.errors import WrongFactor
from contentflow.partners.roles import Permission
from contentflow.payouts import (
    approval,
    bank_report,
    contesting,
    exporting,
    filing,
    invoicing,
    journal,
    runs,
    settling,
    showing,
)
from contentflow.payouts.errors import CodeNeeded, MonthHasRun, UnknownExport
from contentflow.web.access import permission_required
from contentflow.web.htmx import render

MAX_CODE_LENGTH = 64
FORM_BYTES = 64 * 1024  # around a report


@bp.get("/payouts")
@permission_required(Permission.SEE_MONEY)
def payouts() -> ResponseReturnValue:
    return _runs()


@bp.get("/payouts/<run_id>")
@permission_required(Permission.SEE_MONEY)
def payout_run(run_id: str) -> ResponseReturnValue:
    return _run(run_id)


@bp.get("/payouts/invoices/<label>.pdf")
@permission_required(Permission.SETTLE)
def payout_invoice(label: str) -> ResponseReturnValue:
    """An invoice, or a credit note, by its whole number."""
    found = showing.find_invoice(label)
    if found is None:
        raise NotFound
    return _download(invoicing.document_of(found[0]), "application/pdf", f"{found[0].label}.pdf")


@bp.post("/payouts/draft")
@permission_required(Permission.DRAFT_PAYOUTS)
def draft_payouts() -> ResponseReturnValue:
    try:
        with transaction():
            run_id = runs.draft(request.form.get("month", "").strip(), actor()).id
    except MonthHasRun as refusal:
        return _runs(refusal, refusal.run_id)
    except Refused as refusal:
        return _runs(refusal)
    return _to(run_id, _("Le lot est préparé."))


@bp.post("/payouts/propose")
@permission_required(Permission.PAY)
def propose_payouts() -> ResponseReturnValue:
    try:
        with transaction():
            runs.propose(_run_id(), request.form.get("digest", ""), actor())
    except Refused as refusal:
        return _run(_run_id(), refusal)
    return _to(_run_id(), _("Le lot est proposé : une autre personne l’approuve."))


@bp.post("/payouts/approve")
@permission_required(Permission.PAY)
def approve_payouts() -> ResponseReturnValue:
    try:
        _check_code()
        with transaction():
            is_small = approval.is_small(approval.begin(_run_id(), request.form.get("digest", ""), actor()))
        if is_small:
            approval.finish(_run_id())
    except Refused as refusal:
        return _run(_run_id(), refusal)
    said = _("Le lot est approuvé.") if is_small else _("L’approbation est en cours.")
    return _to(_run_id(), said)


@bp.post("/payouts/withdraw")
@permission_required(Permission.PAY)
def withdraw_payouts() -> ResponseReturnValue:
    try:
        with transaction():
            runs.withdraw(_run_id(), reason(), actor())
    except Refused as refusal:
        return _run(_run_id(), refusal)
    return _to(_run_id(), _("Le lot est retiré."))


@bp.post("/payouts/file")
@permission_required(Permission.PAY)
def payouts_file() -> ResponseReturnValue:
    try:
        with transaction():
            content = filing.fetch_file(_run_id(), actor())
    except Refused as refusal:
        return _run(_run_id(), refusal)
    return _download(content, "application/xml", f"virements-{runs.get_run(_run_id()).month}.xml")


@bp.post("/payouts/sent")
@permission_required(Permission.PAY)
def payouts_sent() -> ResponseReturnValue:
    try:
        with transaction():
            filing.note_sent(_run_id(), request.form.get("on", ""), actor())
    except Refused as refusal:
        return _run(_run_id(), refusal)
    return _to(_run_id(), _("La remise à la banque est notée."))


@bp.post("/payouts/bank-report")
@permission_required(Permission.PAY)
def bank_report_payouts() -> ResponseReturnValue:
    try:
        sent = request.files.get("report")
        with sent.stream if sent else io.BytesIO() as file:
            content = file.read(bank_report.MAX_BYTES + 1)
        with transaction():
            kind, verdicts = settling.read_report(content, actor())
    except Refused as refusal:
        return _runs(refusal)
    return render("console/bank_report.html", kind=kind, verdicts=verdicts)


@bp.post("/payouts/settle")
@permission_required(Permission.PAY)
def settle_payout() -> ResponseReturnValue:
    sent = request.form
    try:
        with transaction():
            run_id = settling.settle(
                sent.get("payout", ""), sent.get("outcome", ""), reason(), sent.get("on", ""), actor()
            )
    except Refused as refusal:
        run_id = settling.run_of(sent.get("payout", ""))
        return _run(run_id, refusal)
    return _to(run_id, _("L’issue est notée."))


@bp.post("/payouts/answer")
@permission_required(Permission.SETTLE)
def answer_contest() -> ResponseReturnValue:
    sent = request.form
    payout_id = sent.get("payout", "")
    try:
        with transaction():
            run_id = contesting.answer(payout_id, sent.get("outcome", ""), words(), reason(), actor())
    except Refused as refusal:
        return _run(settling.run_of(payout_id), refusal)
    return _to(run_id, _("La réponse est envoyée."))


@bp.post("/payouts/export")
@permission_required(Permission.PAY)
def export_payouts() -> ResponseReturnValue:
    what, run_id, year = (request.form.get(name, "").strip() for name in ("what", "run", "year"))
    if what not in ("journal", "invoices", "year"):
        raise UnknownExport
    name = runs.get_run(run_id).month if run_id and what != "year" else str(exporting.year_in(year))
    with transaction():
        audit.note(actor(), "payout.export", run_id if is_id(run_id) else name, after={"what": what})
        text = journal.journal(run_id, year) if what == "journal" else ""
    if what == "journal":
        return _download(text.encode(), "text/tab-separated-values; charset=utf-8", f"journal-{name}.txt")
    if what == "invoices":  # Many files: nobody waits for them.
        return _download(exporting.invoices(run_id, year), "application/zip", f"factures-{name}.zip")
    return _download(exporting.year_csv(year).encode(), "text/csv", f"das2-{name}.csv")


def _run_id() -> str:
    return request.form.get("run", "")


def _check_code() -> None:
    """Take a code for this very act. Raises ``CodeNeeded``, ``WrongFactor`` and ``FactorLocked``."""
    if not current_user.asks_for_code:
        return
    code = request.form.get("code", "")[:MAX_CODE_LENGTH].strip()
    if not code:
        raise CodeNeeded
    with transaction():
        is_right = factors.check(actor(), code, current_user.session.token_hash)
    if not is_right:
        raise WrongFactor


def _to(run_id: str, said: str) -> ResponseReturnValue:
    return done(said, "console.payout_run", run_id=run_id)


def _runs(refusal: Refused | None = None, there: str = "") -> Response:
    """Show the runs; ``there`` is the one that a refusal speaks of."""
    db.session.rollback()
    error, status = (str(refusal.message), refusal.status) if refusal else ("", 200)
    context: dict[str, object] = {"lines": showing.run_lines(), "month": showing.last_month(), "there": there}
    context["contests"] = showing.open_contests()
    return render("console/payouts.html", status, error=error, sent=request.form, **context)


def _run(run_id: str, refusal: Refused | None = None) -> Response:
    """Show a run as it is now; what was refused is said above it."""
    if isinstance(refusal, NotFound):
        raise refusal
    db.session.rollback()
    error, status = (str(refusal.message), refusal.status) if refusal else ("", 200)
    shown = showing.run_page(run_id)
    waits = approval.find_refusal(shown.run, actor()) if shown.run.state == "proposed" else None
    return render("console/payout_run.html", status, shown=shown, error=error, sent=request.form, waits=waits)


def _download(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type=kind, headers=headers)
