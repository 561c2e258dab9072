"""Many events of the ledger, reckoned one after the other in memory and written at once.

A sheet has the verbs of ``services`` that a network's statement needs by the thousand: ``credit``,
``approve`` and ``hold``. What each posts, in which order, is the same; only the database is asked once
instead of each time. The payees' rows are locked, and nothing else of theirs is written before ``write``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, insert, select

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.ids import new_id
from contentflow.core.writes import insert_all
from contentflow.ledger import commissions, contracts, double_entry, holds
from contentflow.ledger.double_entry import PARTNER_ACCOUNTS, Account, Leg
from contentflow.ledger.models import (
    NEVER,
    Commission,
    Hold,
    LedgerEntry,
    LedgerTransaction,
    Source,
    TransactionKind,
)
from contentflow.partners.models import Partner


def lock_payees(partner_ids: Iterable[str]) -> set[str]:
    """Lock the rows of several partners, in one order for all, and return those who are still there."""
    found = (
        select(Partner.id, Partner.email)
        .where(Partner.id.in_(sorted(set(partner_ids))))
        .order_by(Partner.id)
        .with_for_update(key_share=True)
    )
    return {partner_id for partner_id, email in db.session.execute(found) if email is not None}


def commissions_of_many(conversion_ids: Collection[str]) -> dict[str, list[Commission]]:
    """Return the commissions of these conversions by conversion, in the order of their keys."""
    found = select(Commission).where(Commission.conversion_id.in_(conversion_ids)).order_by(Commission.key)
    by_conversion: dict[str, list[Commission]] = {}
    for one in db.session.scalars(found.execution_options(populate_existing=True)):
        by_conversion.setdefault(str(one.conversion_id), []).append(one)
    return by_conversion


def open_reasons(commission_ids: Collection[str]) -> dict[str, set[str]]:
    """Return what these commissions are held for, but for a contract."""
    found = select(Hold.commission_id, Hold.reason).where(
        Hold.commission_id.in_(commission_ids), Hold.released_at.is_(None), Hold.reason != holds.CONTRACT
    )
    reasons: dict[str, set[str]] = {}
    for commission_id, reason in db.session.execute(found):
        reasons.setdefault(commission_id, set()).add(reason)
    return reasons


class Sheet:
    """Postings that wait to be written together, once.

    ``pairs`` are the partners and advertisers of what may be approved on it.
    """

    def __init__(self, pairs: Collection[tuple[str, str]] = ()) -> None:
        self._commissions: list[Commission] = []
        self._holds: list[Hold] = []
        self._entries: list[dict[str, Any]] = []
        self._postings: list[dict[str, Any]] = []
        self._room = contracts.rooms(pairs)
        self._held: dict[str, set[str]] = {}
        self._ended: list[str] = []

    def credit(
        self, source: Source, cents: int, key: str, kind: str, gross_cents: int, matures_at: datetime | None
    ) -> list[Commission]:
        """As ``services.credit``."""
        room = None if matures_at == NEVER else self._take_room(source, cents)
        within, beyond = (cents, 0) if room is None else double_entry.split(cents, room)
        earned = self._add(source, [within, beyond], matures_at)
        legs = double_entry.earn(gross_cents, commissions.shares_of(earned))
        self.post(key, kind, legs, source.partner_id, source.conversion_id)
        if beyond:
            self.hold(earned[-1], [holds.CONTRACT])
        return earned

    def approve(self, key: str, waiting: Commission, source: Source, carried: Collection[str]) -> None:
        """As ``services.approve``, for a conversion of one commission; ``carried`` is what it is held for."""
        left = waiting.left_cents
        room = self._take_room(source, left)
        beyond = 0 if room is None else double_entry.split(left, room)[1]
        now = clock.now()
        waiting.earned_at, waiting.matures_at = now, now + timedelta(days=source.holding_days)
        moved = commissions.take([waiting], beyond)
        apart = self._add(source, [beyond], None)
        legs = [*double_entry.reverse(0, moved), *double_entry.earn(0, commissions.shares_of(apart))]
        legs = [leg for leg in legs if leg.account != Account.PROGRAMME]
        self.post(key, TransactionKind.APPROVE, legs, source.partner_id, source.conversion_id)
        for one in apart:
            self.hold(one, carried)
            self.hold(one, [holds.CONTRACT])
        if not waiting.left_cents and carried:
            self._ended.append(waiting.id)

    def hold(self, commission: Commission, reasons: Iterable[str]) -> None:
        """As ``holds.hold``, for a commission of this sheet."""
        known = self._held.setdefault(commission.id, set())
        for reason in sorted(set(reasons) - known):
            known.add(reason)
            self._holds.append(
                Hold(
                    id=new_id(),
                    commission_id=commission.id,
                    partner_id=commission.partner_id,
                    reason=reason,
                    opened_at=clock.now(),
                )
            )
            if commission.state == Account.HELD:
                continue
            legs = double_entry.move(
                commission.id, Account(commission.state), Account.HELD, commission.left_cents
            )
            key, kind = f"{TransactionKind.HOLD}:{commission.id}:{new_id()}", TransactionKind.HOLD
            self.post(key, kind, legs, commission.partner_id, commission.conversion_id, reason)
            commission.state = str(Account.HELD)

    def post(
        self,
        key: str,
        kind: str,
        legs: Sequence[Leg],
        partner_id: str | None,
        conversion_id: str | None,
        note: str = "",
    ) -> None:
        """As ``commissions.post``."""
        posting_id = new_id()
        self._entries += [
            {
                "posting_id": posting_id,
                "account": str(leg.account),
                "partner_id": partner_id if leg.account in PARTNER_ACCOUNTS else None,
                "credit_id": leg.commission_id,
                "amount_cents": leg.cents,
            }
            for leg in legs
        ]
        self._postings.append(
            {
                "id": posting_id,
                "key": key,
                "kind": str(kind),
                "partner_id": partner_id,
                "conversion_id": conversion_id,
                "note": note,
                "at": clock.now(),
            }
        )

    def write(self) -> None:
        """Write all of it, once, in the caller's transaction: as a trigger wants, postings after legs."""
        db.session.flush()
        insert_all(Commission, self._commissions)
        insert_all(Hold, self._holds)
        for model, rows in ((LedgerEntry, self._entries), (LedgerTransaction, self._postings)):
            if rows:
                db.session.execute(insert(cast(Table, model.__table__)), rows)
        for commission_id in self._ended:
            holds.end(commission_id, "network")

    def _add(self, source: Source, parts: Sequence[int], matures_at: datetime | None) -> list[Commission]:
        made = commissions.make(source, parts, matures_at)
        self._commissions += made
        return made

    def _take_room(self, source: Source, cents: int) -> int | None:
        """Return ``contracts.room_cents``, and count what is earned now."""
        key = (source.partner_id, source.advertiser)
        room = self._room[key]
        if room is not None:
            self._room[key] = room - cents
        return room
