"""What a statement's row means for our books: new, known, changed, of an unknown click, or refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from contentflow.conversions.batches import KnownSales, key_of
from contentflow.conversions.comparison import Side
from contentflow.conversions.models import Conversion
from contentflow.conversions.services import NO_CLICK, ReportOutcome
from contentflow.conversions.statement_table import KNOWN, REFUSED, Line

NEW: Final = "new"
CHANGED: Final = "changed"
UNKNOWN_CLICK: Final = "unknown_click"
VERDICTS: Final = (NEW, KNOWN, CHANGED, UNKNOWN_CLICK, REFUSED)
APPLIED_BEFORE: Final = "this row was applied before"


@dataclass(frozen=True)
class StatementVerdict:
    """What became of a row, or would: ``before`` and ``after`` are our words, ``theirs`` the statement's."""

    line: int
    transaction: str
    type: str
    verdict: str
    reason: str = ""
    before: Side | None = None
    after: Side | None = None
    theirs: Side | None = None


def word_of(conversion: Conversion) -> Side:
    return Side(conversion.amount_cents, conversion.currency, conversion.state)


def judge(line: Line, facts: KnownSales, is_done: bool) -> StatementVerdict:
    """Return what ``services.record`` would make of a row; ``is_done``: it was applied before."""
    report = line.report
    if report is None:
        return StatementVerdict(line.number, line.transaction, "", REFUSED, line.reason)
    known = facts.known.get(key_of(report))
    before = word_of(known) if known else None
    theirs = Side(report.amount, report.currency, report.state)
    judged = StatementVerdict(line.number, report.transaction, report.type, KNOWN, "", before, before, theirs)
    if line.verdict:
        return replace(judged, verdict=line.verdict, reason=line.reason, theirs=None)
    if is_done:
        return replace(judged, reason=APPLIED_BEFORE)
    verdict = facts.verdict(report)
    if verdict == ReportOutcome.REFUSED:
        reason = f"refund_of was {known.refund_of} before" if known else ""
        if facts.rates[report.currency] is None:
            reason = f"no rate is set for {report.currency}: the programme's operator can set one"
        return replace(judged, verdict=REFUSED, reason=reason)
    if verdict == ReportOutcome.NEW:
        after = Side(report.amount or 0, report.currency, report.state or report.first_state)
        if report.type == "refund":
            has_sale = any((report.refund_of, kind) in facts.known for kind in ("sale", "lead"))
            return replace(judged, verdict=NEW, after=after, reason="" if has_sale else "waits_for_sale")
        if report.click_id in facts.origins:
            return replace(judged, verdict=NEW, after=after)
        reason = "unknown_click" if report.click_id else NO_CLICK
        return replace(judged, verdict=UNKNOWN_CLICK, after=after, reason=reason)
    if verdict in (ReportOutcome.REPLAY, ReportOutcome.OUTDATED):
        return replace(judged, reason="our word is newer" if verdict == ReportOutcome.OUTDATED else "")
    assert before is not None
    amount = before.amount_cents if report.amount is None else report.amount
    after = Side(amount, report.currency, report.state or before.state)
    changes = []
    if before.state != after.state:
        changes.append(f"{before.state} > {after.state}")
    if before.amount_cents != after.amount_cents or before.currency != after.currency:
        changes.append(f"{before.amount_cents} {before.currency} > {after.amount_cents} {after.currency}")
    if verdict == ReportOutcome.ATTRIBUTED:
        changes.append("attributed to its click")
    return replace(judged, verdict=CHANGED, after=after, reason=", ".join(changes))


def refused(judged: StatementVerdict, reason: str) -> StatementVerdict:
    return replace(judged, verdict=REFUSED, reason=reason, after=judged.before)
