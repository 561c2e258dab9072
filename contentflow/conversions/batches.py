"""Many reports of one network at once: what is plain is asked, reckoned and written together.

Plain are new sales and leads, approvals of what waits for one, and what says nothing new: nearly all of a
month's statement. It ends as ``services.record`` would end each; whatever is not plain goes there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select

from contentflow.conversions import attribution, fraud, meant_clicks, networks, revshare, services
from contentflow.conversions.attribution import Origin
from contentflow.conversions.mapping import Report
from contentflow.conversions.models import Conversion, Network
from contentflow.conversions.services import ACCOUNT_ERASED, NO_CLICK, UNKNOWN_CLICK, ReportOutcome
from contentflow.conversions.settling import Cause, source_of
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.writes import insert_all, lock_all
from contentflow.ledger import double_entry, sheets
from contentflow.ledger.models import NEVER, TransactionKind
from contentflow.ledger.sheets import Sheet

Key = tuple[str, str]


def key_of(report: Report) -> Key:
    return report.transaction, report.type


class KnownSales(NamedTuple):
    """What the database says of some reports.

    ``known`` are conversions by transaction and type, of the reports and of what they refund; ``refunded``
    the transactions of which there is a refund; ``rates`` millionths of a euro, None where none is set;
    ``origins`` those of the clicks that are somebody's.
    """

    known: Mapping[Key, Conversion]
    refunded: frozenset[str]
    rates: Mapping[str, int | None]
    origins: Mapping[str, Origin]

    def verdict(self, report: Report) -> ReportOutcome:
        """Return what ``services.record`` would make of a report."""
        known = self.known.get(key_of(report))
        if known is None:
            return ReportOutcome.NEW if self.rates[report.currency] is not None else ReportOutcome.REFUSED
        if report.changed_at and known.changed_at and report.changed_at < known.changed_at:
            return ReportOutcome.OUTDATED
        if report.type == "refund" and report.refund_of != known.refund_of:
            return ReportOutcome.REFUSED
        if report.currency != known.currency and self.rates[report.currency] is None:
            return ReportOutcome.REFUSED
        is_nobodys = known.type != "refund" and known.partner_id is None
        if is_nobodys and report.click_id != known.click_id and report.click_id in self.origins:
            return ReportOutcome.ATTRIBUTED
        if (report.amount, report.currency) not in (
            (None, known.currency),
            (known.amount_cents, known.currency),
        ):
            return ReportOutcome.CORRECTED
        return ReportOutcome.MOVED if report.state not in (None, known.state) else ReportOutcome.REPLAY

    def is_plain(self, report: Report) -> bool:
        """Whether ``record_plain`` may take a report."""
        verdict, known = self.verdict(report), self.known.get(key_of(report))
        if verdict in (ReportOutcome.REPLAY, ReportOutcome.OUTDATED):
            return True
        if report.type == "refund" or report.transaction in self.refunded:
            return False
        if known is None:
            return verdict == ReportOutcome.NEW
        return verdict == ReportOutcome.MOVED and (known.state, report.state) == ("pending", "approved")


def facts_of(network_id: str, reports: Sequence[Report]) -> KnownSales:
    click_ids = {report.click_id for report in reports if report.click_id}
    origins = attribution.find_origins(click_ids)
    meant = meant_clicks.find_meant(click_ids - origins.keys())  # mangled on their way
    others = attribution.find_origins(meant.values())
    origins |= {text: others[click_id] for text, click_id in meant.items() if click_id in others}
    names = {report.transaction for report in reports} | {one.refund_of for one in reports if one.refund_of}
    own = select(Conversion).where(Conversion.network_id == network_id, Conversion.transaction.in_(names))
    refunds = select(Conversion.refund_of).where(
        Conversion.network_id == network_id, Conversion.type == "refund", Conversion.refund_of.in_(names)
    )
    return KnownSales(
        known={(one.transaction, one.type): one for one in db.session.scalars(own)},
        refunded=frozenset(db.session.scalars(refunds)),
        rates={code: networks.rate_of(code) for code in {report.currency for report in reports}},
        origins=origins,
    )


def queue_up(network_id: str, reports: Iterable[Report]) -> None:
    """Let other reports of these transactions come before the caller's transaction, or after it."""
    names = {name for one in reports for name in (one.transaction, one.refund_of) if name}
    lock_all([f"{network_id}/{name}" for name in sorted(names)], seed=services.LOCK_SEED)


def record_plain(network: Network, reports: Sequence[Report], facts: KnownSales) -> list[Report]:
    """Apply plain reports in the caller's transaction, which queued up and asked for the facts.

    Return those that turned out not to be plain: nothing was done of them.
    """
    known = [(facts.known[key], one) for one in reports if (key := key_of(one)) in facts.known]
    for conversion, report in known:
        is_newer = report.changed_at and not (
            conversion.changed_at and report.changed_at <= conversion.changed_at
        )
        if is_newer:
            conversion.changed_at = report.changed_at
    left = _approve([(one, report) for one, report in known if facts.verdict(report) == ReportOutcome.MOVED])
    _add(network, [report for report in reports if key_of(report) not in facts.known], facts)
    return left


def _add(network: Network, reports: Sequence[Report], facts: KnownSales) -> None:
    """Record new sales and leads: theirs whose click it was, or the programme's."""
    made: list[tuple[Conversion, Origin | None]] = []
    present = sheets.lock_payees(one.partner_id for one in facts.origins.values())
    for report in reports:
        rate, origin = facts.rates[report.currency], facts.origins.get(report.click_id)
        assert rate is not None
        conversion = services.make(network.id, report, rate)
        if origin is None:
            conversion.unattributed = UNKNOWN_CLICK if report.click_id else NO_CLICK
        elif origin.partner_id not in present:
            origin, conversion.unattributed = None, ACCOUNT_ERASED
        else:
            attribution.follow(conversion, origin)
        made.append((conversion, origin))
    credited = [(conversion, origin) for conversion, origin in made if origin is not None]
    suspicions = fraud.reasons_of_many([(origin, one.occurred_at) for one, origin in credited])
    by_id = dict(zip((one.id for one, _ in credited), suspicions, strict=True))
    insert_all(Conversion, [conversion for conversion, _ in made])
    approved = [origin for conversion, origin in credited if conversion.state == "approved"]
    sheet = Sheet({(origin.partner_id, origin.advertiser) for origin in approved})
    for conversion, origin in made:
        _book(sheet, conversion, origin, by_id.get(conversion.id, set()))
    sheet.write()


def _book(sheet: Sheet, new: Conversion, origin: Origin | None, suspicions: set[str]) -> None:
    """Book a new conversion that nothing was refunded of, as ``settling.settle`` would."""
    effect = revshare.effect(new.state, new.euro_cents, new.earned_cents, new.amount_cents, [])
    key = Cause(new.id, new.type).key
    if origin is None:
        sheet.post(key, new.type, double_entry.earn(effect.gross_cents, []), None, new.id)
        return
    matures_at = None if effect.is_approved else NEVER
    source = source_of(new, origin, 0)
    earned = sheet.credit(source, effect.earned_cents, key, new.type, effect.gross_cents, matures_at)
    for commission in earned:
        sheet.hold(commission, suspicions)


def _approve(moved: Sequence[tuple[Conversion, Report]]) -> list[Report]:
    """Approve what waits for it; return the reports of those whose commissions are not simply that."""
    owned = [one for one, _ in moved if one.partner_id is not None]
    present = sheets.lock_payees(str(one.partner_id) for one in owned)
    earned = sheets.commissions_of_many([one.id for one in owned])
    origins = attribution.origins_of(owned)
    carried = sheets.open_reasons([one.id for found in earned.values() for one in found])
    pairs = {(origin.partner_id, origin.advertiser) for origin in origins.values()}
    sheet, left, now = Sheet(pairs), [], clock.now()
    for conversion, report in moved:
        waiting = earned.get(conversion.id, [])
        due = [one.cents for one in waiting if not one.is_approved and not one.reversed_cents]
        # One commission that nobody touched, or none where nothing was earned.
        is_simple = conversion.partner_id in present and len(due) == len(waiting) <= 1
        is_simple = is_simple and sum(due) == conversion.earned_cents
        if conversion.partner_id is not None and not is_simple:
            left.append(report)
            continue
        conversion.state, conversion.state_at = "approved", now
        for one in waiting:
            source = source_of(conversion, origins[conversion.id], 1)
            key = Cause(conversion.id, TransactionKind.APPROVE).key
            sheet.approve(key, one, source, carried.get(one.id, set()))
    sheet.write()
    return left
