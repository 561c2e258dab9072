"""The written contract of article 8, law 2023-451, and the threshold of decree 2025-1137.

Since 1 January 2026 it is mandatory where one advertiser pays one partner 1,000 € excluding tax or
more in a calendar year, so what passes 999.99 € waits for it: https://www.legifrance.gouv.fr/jorf/id/JORFTEXT000052877064
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, func, select

from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.ledger import holds
from contentflow.ledger.errors import UnknownAdvertiser, WrongAcceptance, WrongVersion
from contentflow.ledger.models import Commission, Contract, EarnedYear, Hold
from contentflow.offers.models import Offer
from contentflow.partners.locks import lock_partner

WARN_CENTS = 80_000  # A partner has weeks to sign before anything is held.
LIMIT_CENTS = 100_000  # From here on the law asks for a contract.
FREE_CENTS = LIMIT_CENTS - 1  # the most that needs no contract


class Standing(NamedTuple):
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
    return rooms([(partner_id, advertiser)])[partner_id, advertiser]


def rooms(pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], int | None]:
    """Return ``room_cents`` of many pairs of partner and advertiser."""
    partner_ids = {partner_id for partner_id, _ in pairs}
    found = select(Contract.partner_id, Contract.advertiser).where(Contract.partner_id.in_(partner_ids))
    signed = {(partner_id, advertiser) for partner_id, advertiser in db.session.execute(found)}
    earned = _earned_in_year(pairs, _this_year())
    return {pair: None if pair in signed else FREE_CENTS - earned[pair] for pair in pairs}


def _earned_in_year(pairs: Collection[tuple[str, str]], year: int) -> dict[tuple[str, str], int]:
    """Return paid plus due of the calendar year of each: what was approved, less what was reversed of it."""
    found = select(EarnedYear.partner_id, EarnedYear.advertiser, EarnedYear.cents).where(
        EarnedYear.partner_id.in_({partner_id for partner_id, _ in pairs}),
        EarnedYear.advertiser.in_({advertiser for _, advertiser in pairs}),
        EarnedYear.year == year,
    )
    earned = {(partner_id, name): cents for partner_id, name, cents in db.session.execute(found)}
    return {pair: earned.get(pair, 0) for pair in pairs}


def standings(partner_id: str) -> list[Standing]:
    """Return each advertiser that owes or paid the partner something this year, the most first."""
    found = (
        select(EarnedYear.advertiser, EarnedYear.cents)
        .where(EarnedYear.partner_id == partner_id, EarnedYear.year == _this_year(), EarnedYear.cents > 0)
        .order_by(EarnedYear.cents.desc())
    )
    signed = set(db.session.scalars(select(Contract.advertiser).where(Contract.partner_id == partner_id)))
    rows = db.session.execute(found)
    return [Standing(advertiser, cents, advertiser in signed) for advertiser, cents in rows]


def due_this_year() -> list[tuple[str, Standing]]:
    """Return (partner, standing) of who is near this year's limit without a contract, the most first."""
    signed = exists().where(
        Contract.partner_id == EarnedYear.partner_id, Contract.advertiser == EarnedYear.advertiser
    )
    found = (
        select(EarnedYear.partner_id, EarnedYear.advertiser, EarnedYear.cents)
        .where(EarnedYear.year == _this_year(), EarnedYear.cents >= WARN_CENTS, ~signed)
        .order_by(EarnedYear.cents.desc())
    )
    rows = db.session.execute(found)
    return [(partner_id, Standing(advertiser, cents, False)) for partner_id, advertiser, cents in rows]


def list_due() -> list[tuple[str, Standing]]:
    """Return (partner, standing) of everybody who is to be asked for a contract, the most first.

    Years that are over follow, where something of theirs is held still.
    """
    new_year = clock.start_of_month(_this_year(), 1)
    found = (
        select(Commission.partner_id, Commission.advertiser, func.max(Commission.earned_at))
        .join(Hold, Hold.commission_id == Commission.id)
        .where(Hold.reason == holds.CONTRACT, Hold.released_at.is_(None), Commission.earned_at < new_year)
        .group_by(Commission.partner_id, Commission.advertiser)
        .order_by(Commission.partner_id, Commission.advertiser)
    )
    due = due_this_year()
    for partner_id, name, at in db.session.execute(found).all():
        pair, year = (partner_id, name), _year_of(at)
        due.append((partner_id, Standing(name, _earned_in_year([pair], year)[pair], False)))
    return due


def record_contract(
    partner_id: str, advertiser: str, version: str, accepted_at: datetime, actor: str
) -> Contract:
    """Put an accepted version on record, and let go what waited for one. Again: nothing more happens.

    Raises ``WrongVersion``, ``WrongAcceptance`` and ``UnknownAdvertiser``.
    """
    if accepted_at > clock.now():
        raise WrongAcceptance
    version = version.strip()
    if not 1 <= len(version) <= 40 or not version.isprintable():
        raise WrongVersion
    # An offer without an advertiser is known by its own name.
    known_name = func.coalesce(func.nullif(Offer.advertiser, ""), Offer.name)
    if db.session.scalar(select(Offer.id).where(known_name == advertiser).limit(1)) is None:
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
    said = {"contract": contract.id, "advertiser": advertiser, "version": version}
    audit.note(actor, "contract.record", partner_id, after=said)
    for commission in holds.held_commissions(partner_id, holds.CONTRACT, advertiser):
        holds.release(commission, holds.CONTRACT, actor)
    return contract


def relax(partner_id: str, advertiser: str, actor: str = "ledger") -> None:
    """Let go what waits for a contract once refunds brought its own year back under the limit."""
    pair = (partner_id, advertiser)
    for commission in holds.held_commissions(partner_id, holds.CONTRACT, advertiser):
        if _earned_in_year([pair], _year_of(commission.earned_at))[pair] <= FREE_CENTS:
            holds.release(commission, holds.CONTRACT, actor)


def _this_year() -> int:
    return _year_of(clock.now())


def _year_of(moment: datetime) -> int:
    return clock.in_france(moment).year
