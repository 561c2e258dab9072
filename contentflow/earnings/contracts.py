"""The written contract of article 8, law 2023-451, and the threshold of decree 2025-1137.

Since 1 January 2026 it is mandatory where one advertiser pays one partner 1,000 € excluding tax or
more in a calendar year, so what passes 999.99 € waits for it: https://www.legifrance.gouv.fr/jorf/id/JORFTEXT000052877064
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select

from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.earnings import holds
from contentflow.earnings.ledger import lock_partner
from contentflow.earnings.models import Contract, Credit, Hold
from contentflow.earnings.refusals import UnknownAdvertiser, WrongVersion
from contentflow.offers.models import Offer

WARN_CENTS = 80_000
LIMIT_CENTS = 100_000
FREE_CENTS = LIMIT_CENTS - 1  # the most that needs no contract
CONTRACT = "contract"


@dataclass(frozen=True)
class Standing:
    """How far a partner is with one advertiser this year, paid plus due."""

    advertiser: str
    cents: int
    has_contract: bool

    @property
    def is_warned(self) -> bool:
        return not self.has_contract and self.cents >= WARN_CENTS

    @property
    def is_held(self) -> bool:
        return not self.has_contract and self.cents >= LIMIT_CENTS


def room_cents(partner_id: str, advertiser: str) -> int | None:
    """Return what may still be earned this year without a contract; None with one: no limit."""
    if has_contract(partner_id, advertiser):
        return None
    return FREE_CENTS - earned_this_year(partner_id, advertiser)


def earned_this_year(partner_id: str, advertiser: str) -> int:
    """Return paid plus due of the calendar year: all credits, less what was taken back of them."""
    return _earned_in_year(partner_id, advertiser, clock.now())


def _earned_in_year(partner_id: str, advertiser: str, moment: datetime) -> int:
    year = clock.in_france(moment).year
    total = select(func.sum(Credit.cents - Credit.taken_cents)).where(
        Credit.partner_id == partner_id,
        Credit.advertiser == advertiser,
        Credit.at >= clock.start_of_month(year, 1),
        Credit.at < clock.start_of_month(year + 1, 1),
    )
    return int(db.session.scalar(total) or 0)


def has_contract(partner_id: str, advertiser: str) -> bool:
    found = select(Contract.id).where(Contract.partner_id == partner_id, Contract.advertiser == advertiser)
    return db.session.scalar(found.limit(1)) is not None


def standings(partner_id: str) -> list[Standing]:
    """Return each advertiser that owes or paid the partner something this year, the most first."""
    total = func.sum(Credit.cents - Credit.taken_cents)
    found = (
        select(Credit.advertiser, total)
        .where(Credit.partner_id == partner_id, Credit.at >= _new_year())
        .group_by(Credit.advertiser)
        .order_by(total.desc())
    )
    return _standings(partner_id, db.session.execute(found))


def _standings(partner_id: str, sums: Iterable[tuple[str, int]]) -> list[Standing]:
    signed = set(db.session.scalars(select(Contract.advertiser).where(Contract.partner_id == partner_id)))
    return [Standing(advertiser, int(cents), advertiser in signed) for advertiser, cents in sums]


def list_due() -> list[tuple[str, Standing]]:
    """Return (partner, standing) of everybody who is to be asked for a contract, the most first.

    Years that are over follow, where something of theirs is held still.
    """
    total = func.sum(Credit.cents - Credit.taken_cents)
    signed = exists().where(
        Contract.partner_id == Credit.partner_id, Contract.advertiser == Credit.advertiser
    )
    found = (
        select(Credit.partner_id, Credit.advertiser, total)
        .where(Credit.at >= _new_year(), ~signed)
        .group_by(Credit.partner_id, Credit.advertiser)
        .having(total >= WARN_CENTS)
        .order_by(total.desc())
    )
    rows = db.session.execute(found)
    this_year = [
        (partner_id, Standing(advertiser, int(cents), False)) for partner_id, advertiser, cents in rows
    ]
    return this_year + _still_held()


def _still_held() -> list[tuple[str, Standing]]:
    found = (
        select(Credit.partner_id, Credit.advertiser, func.max(Credit.at))
        .join(Hold, Hold.credit_id == Credit.id)
        .where(Hold.reason == CONTRACT, Hold.released_at.is_(None), Credit.at < _new_year())
        .group_by(Credit.partner_id, Credit.advertiser)
        .order_by(Credit.partner_id, Credit.advertiser)
    )
    return [
        (partner_id, Standing(advertiser, _earned_in_year(partner_id, advertiser, at), False))
        for partner_id, advertiser, at in db.session.execute(found)
    ]


def record_contract(
    partner_id: str, advertiser: str, version: str, accepted_at: datetime, actor: str
) -> Contract:
    """Put an accepted version on record, and let go what waited for one. Again: nothing more happens."""
    version = version.strip()
    if not 1 <= len(version) <= 40 or not version.isprintable():
        raise WrongVersion
    if not _is_advertiser(advertiser):
        raise UnknownAdvertiser
    lock_partner(partner_id)
    known = db.session.scalar(
        select(Contract).where(
            Contract.partner_id == partner_id, Contract.advertiser == advertiser, Contract.version == version
        )
    )
    if known is not None:
        return known
    contract = Contract(
        partner_id=partner_id, advertiser=advertiser, version=version, accepted_at=accepted_at
    )
    db.session.add(contract)
    db.session.flush()
    audit.note(actor, "contract.record", contract.id)
    for credit in holds.held_credits(partner_id, CONTRACT, advertiser):
        holds.release(credit, CONTRACT, actor)
    return contract


def _is_advertiser(name: str) -> bool:
    """Whether an offer has this advertiser; one without any is known by its own name."""
    known = func.coalesce(func.nullif(Offer.advertiser, ""), Offer.name)
    return db.session.scalar(select(Offer.id).where(known == name).limit(1)) is not None


def relax(partner_id: str, advertiser: str, actor: str = "ledger") -> None:
    """Let go what waits for a contract once refunds brought its own year back under the limit."""
    for credit in holds.held_credits(partner_id, CONTRACT, advertiser):
        if _earned_in_year(partner_id, advertiser, credit.at) <= FREE_CENTS:
            holds.release(credit, CONTRACT, actor)


def _new_year() -> datetime:
    return clock.start_of_month(clock.in_france(clock.now()).year, 1)
