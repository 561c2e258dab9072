"""The verbs of the earnings that are no one table's: mature, pay clicks, claw back, export."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from contentflow.byop.models import Submission
from contentflow.core import audit, clock, heartbeat
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.earnings import contracts, holds, ledger, postings
from contentflow.earnings.models import Conversion, Credit, LedgerEntry, Network, Posting
from contentflow.earnings.postings import Account, Share
from contentflow.earnings.refusals import NothingHeld, ReasonMissing, TooMuchTaken
from contentflow.links import services as links
from contentflow.links.models import Click, LinkDay
from contentflow.offers.terms import MOST_DAYS

log = logging.getLogger(__name__)


def mature_due() -> None:
    """Sweep: make available what was held long enough; one transaction a partner.

    What matures under a clock that leapt would be available for good, so a steady clock says what is due.
    """
    due = ledger.due_credits(heartbeat.sure_now())
    db.session.rollback()
    for partner_id in {partner_id for partner_id, _ in due}:
        with transaction():
            ledger.mature(partner_id, [credit_id for owner, credit_id in due if owner == partner_id])


def date_anew() -> None:
    """Let what was credited while a clock was far ahead wait its holding days, and no longer."""
    late = Credit.matures_at > clock.now() + timedelta(days=MOST_DAYS + 1)
    waiting = select(Credit, Submission.holding_days).join(Submission, Submission.id == Credit.submission_id)
    with transaction():
        for credit, days in db.session.execute(waiting.where(Credit.state == Account.PENDING, late)):
            log.warning("credit %s was written while a clock was ahead: dated anew", credit.id)
            credit.matures_at = clock.now() + timedelta(days=days)


def claw_back(credit_id: str, cents: int, reason: str, actor: str) -> Credit:
    """Take back a part of a credit, by name: the partner reads the reason on the statement."""
    reason = reason.strip()
    if not 1 <= len(reason) <= 200 or not reason.isprintable():
        raise ReasonMissing
    credit = holds.get_credit(credit_id)
    if not 0 < cents <= credit.cents - credit.taken_cents:
        raise TooMuchTaken
    credit.taken_cents += cents
    db.session.flush()
    legs = postings.take_back(0, [Share(credit.id, Account(credit.state), cents)])
    key = f"clawback:{new_id()}"
    ledger.post(key, "clawback", legs, credit.partner_id, credit.conversion_id, reason)
    contracts.relax(credit.partner_id, credit.advertiser)
    audit.note(actor, "ledger.clawback", credit.id)
    return credit


def reject_credit(credit_id: str, reason: str, actor: str) -> int:
    """Take back what is left of a held credit, for good; return the cents. The partner reads the reason.

    Raises ``UnknownCredit``, ``NothingHeld`` and ``ReasonMissing``.
    """
    credit = holds.get_credit(credit_id)
    if not holds.open_reasons(credit_id):
        raise NothingHeld
    left = credit.cents - credit.taken_cents
    claw_back(credit_id, left, reason, actor)
    holds.close(credit_id, actor)
    return left


def newest_click() -> str | None:
    """Return the id of a click to try a network with: the newest valid one of the newest day."""
    link_id = db.session.scalar(
        select(LinkDay.link_id).where(LinkDay.verdict == links.VALID).order_by(LinkDay.day.desc()).limit(1)
    )
    on_link = select(Click.id).where(Click.link_id == link_id, Click.verdict == links.VALID)
    return db.session.scalar(on_link.order_by(Click.at.desc()).limit(1))


def export_conversions(partner_id: str) -> list[dict[str, Any]]:
    found = (
        select(Conversion, Network.name)
        .join(Network, Network.id == Conversion.network_id)
        .where(Conversion.partner_id == partner_id)
        .order_by(Conversion.recorded_at, Conversion.id)
    )
    names = ("id", "transaction", "type", "click_id", "submission_id", "channel", "refunds_id")
    sums = ("amount_cents", "currency", "rate_micros", "euro_cents", "earned_cents")
    return [
        {
            **{name: getattr(conversion, name) for name in names + sums},
            "network": network,
            "at": clock.iso(conversion.at),
            "recorded_at": clock.iso(conversion.recorded_at),
        }
        for conversion, network in db.session.execute(found)
    ]


def export_ledger(partner_id: str) -> list[dict[str, Any]]:
    found = (
        select(LedgerEntry, Posting)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(LedgerEntry.partner_id == partner_id)
        .order_by(LedgerEntry.id)
    )
    return [
        {
            "id": entry.id,
            "posting_id": posting.id,
            "kind": posting.kind,
            "account": entry.account,
            "amount_cents": entry.amount_cents,
            "conversion_id": posting.conversion_id,
            "note": posting.note,
            "at": clock.iso(posting.at),
        }
        for entry, posting in db.session.execute(found)
    ]
