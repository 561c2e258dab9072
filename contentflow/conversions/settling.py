"""A conversion's postings: what its latest words are worth, less what is booked of it, whatever came before.

A sale and its refunds are one family. Before a word is kept its effect is reckoned, and after; the
difference is booked, each change of state and of amount as a posting of its own. So the order in which words
come leaves no trace in any sum.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from contentflow.conversions import fraud, revshare
from contentflow.conversions.attribution import Origin, origin_of
from contentflow.conversions.models import Conversion
from contentflow.conversions.revshare import Effect
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.ids import new_id
from contentflow.ledger import holds
from contentflow.ledger import services as ledger
from contentflow.ledger.models import NEVER, Source


class Cause(NamedTuple):
    """Why something is booked: ``conversion_id`` is the sale's, or that of the refund that moved it."""

    conversion_id: str
    kind: str
    note: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.conversion_id}:{new_id()}"


def refunds_of(sale: Conversion) -> list[Conversion]:
    """Return the refunds of a sale in their order of arrival, rejected ones too; none in another currency."""
    found = select(Conversion).where(
        Conversion.network_id == sale.network_id,
        Conversion.type == "refund",
        Conversion.refund_of == sale.transaction,
        Conversion.currency == sale.currency,
    )
    return list(db.session.scalars(found.order_by(Conversion.recorded_at, Conversion.id)))


def effect_of(sale: Conversion) -> Effect:
    standing = [refund.amount_cents for refund in refunds_of(sale) if refund.state != "rejected"]
    return revshare.effect(sale.state, sale.euro_cents, sale.earned_cents, sale.amount_cents, standing)


def settle(sale: Conversion, before: Effect | None, cause: Cause, origin: Origin | None = None) -> None:
    """Book what lies between ``before``, None for a new sale, and what it is worth now; its row is flushed.

    ``origin`` is given for a conversion that was credited to nobody yet, and credits it.
    """
    after, was = effect_of(sale), before or Effect()
    gross = after.gross_cents - was.gross_cents
    if sale.partner_id is not None:
        _settle_partners(sale, was, after, cause, origin)
    elif gross or before is None:
        ledger.book_programmes(cause.key, cause.kind, gross, cause.conversion_id, cause.note)
    _tell_refunds(sale)


def _settle_partners(
    sale: Conversion, before: Effect, after: Effect, cause: Cause, first: Origin | None
) -> None:
    origin = first or origin_of(sale)
    assert origin is not None
    is_there = ledger.lock_payee(origin.partner_id)
    earned = ledger.commissions_of(sale.id)
    source = source_of(sale, origin, len(earned))
    left = sum(one.left_cents for one in earned)
    if left and before.is_approved and not after.is_approved and sale.state == "pending":
        earned += ledger.suspend(Cause(sale.id, "suspend").key, earned, source, cause.note)
        source = source_of(sale, origin, len(earned))
    target = max(after.earned_cents - sum(one.clawed_cents for one in earned), 0)
    if not is_there:  # After an erasure nothing new is credited.
        target = min(target, left)
    gross = after.gross_cents - before.gross_cents
    is_approval = after.is_approved and any(not one.is_approved and one.left_cents for one in earned)
    if target < left or gross < 0:
        taken = max(left - target, 0)
        ledger.reverse(cause.key, cause.kind, earned, -gross, taken, cause.conversion_id, cause.note)
    elif target > left or gross or first:
        matures_at = None if after.is_approved and not is_approval else NEVER
        approved = [one.matures_at for one in earned if one.is_approved and one.left_cents]
        credited = ledger.credit(
            source, target - left, cause.key, cause.kind, gross, max(approved, default=matures_at), cause.note
        )
        # What is held of the same sale, or was let go, was judged already.
        if earned:
            ledger.carry_holds(earned, credited)
        for commission in [] if earned else credited:
            holds.hold(commission, fraud.reasons(origin, sale.occurred_at))
        earned += credited
    if is_approval:
        ledger.approve(Cause(sale.id, "approve").key, earned, source_of(sale, origin, len(earned)))


def source_of(sale: Conversion, origin: Origin, number: int) -> Source:
    return Source(
        key=f"conversion:{sale.id}" + (f":{number}" if number else ""),
        kind=sale.type,
        partner_id=origin.partner_id,
        conversion_id=sale.id,
        submission_id=origin.submission_id,
        offer_id=origin.offer_id,
        advertiser=origin.advertiser,
        channel=origin.channel,
        day=clock.day_of(sale.recorded_at),
        holding_days=origin.terms.holding_days,
    )


def _tell_refunds(sale: Conversion) -> None:
    """Let each refund say what it takes of its sale, and follow it."""
    standing: list[int] = []
    euros, earned = sale.euro_cents, sale.earned_cents
    for refund in refunds_of(sale):
        if refund.state != "rejected":
            standing.append(refund.amount_cents)
        left = revshare.effect("approved", sale.euro_cents, sale.earned_cents, sale.amount_cents, standing)
        refund.euro_cents, euros = euros - left.gross_cents, left.gross_cents
        taken, earned = earned - left.earned_cents, left.earned_cents
        refund.earned_cents = 0 if sale.partner_id is None or sale.state == "rejected" else taken
        refund.refunds_id, refund.rate_micros = sale.id, sale.rate_micros
        for name in ("partner_id", "link_id", "submission_id", "channel"):
            setattr(refund, name, getattr(sale, name))
    db.session.flush()
