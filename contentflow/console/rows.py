"""What a page shows beside its rows, asked once for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select

from contentflow.byop import clips
from contentflow.byop.clips import Clip
from contentflow.byop.models import Submission
from contentflow.config import settings
from contentflow.console import lists
from contentflow.conversions import attribution, unattributed
from contentflow.conversions.models import Conversion, Network
from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.core.ids import is_id
from contentflow.ledger import contracts
from contentflow.ledger import holds as holding
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Commission, Hold
from contentflow.links import services as links
from contentflow.links.models import Link
from contentflow.mailing.models import Delivery
from contentflow.offers.models import Offer
from contentflow.partners import services as partners
from contentflow.partners.models import Partner, PartnerSession
from contentflow.payouts.run_models import Invoice, Payout, PayoutRun, Transfer, TransferState
from contentflow.pipeline.models import Asset

LAST_POSTS = 5
LAST_ACTS = 20
LAST_PAYOUTS = 6


class Posts(NamedTuple):
    """By id: partners' names, offers, where links lead, and assets by theirs."""

    names: Mapping[str, str]
    offers: Mapping[str, Offer]
    targets: Mapping[str, str]
    assets: Mapping[str, Asset]


class Holds(NamedTuple):
    """By id: partners' names and the commissions that are held."""

    names: Mapping[str, str]
    commissions: Mapping[str, Commission]


class PartnerPage(NamedTuple):
    """One partner on one page."""

    partner: Partner
    posts: Sequence[Submission]
    clicks: Mapping[str, int]
    balances: Mapping[str, int]
    held: Mapping[tuple[str, str], int]
    standings: Sequence[contracts.Standing]
    mails: Mapping[str, int]
    sessions: Sequence[PartnerSession]
    acts: Sequence[AuditEntry]
    payouts: Sequence[PaidMonth]
    today: date

    @property
    def held_by_reason(self) -> dict[str, int]:
        """The cents that each reason holds."""
        return holding.by_reason(self.held)

    @property
    def contracts_due(self) -> list[tuple[str, int, int]]:
        """Each advertiser whose contract is awaited: cents earned this year, and held."""
        earned = {one.advertiser: one.cents for one in self.standings if one.is_warned}
        held = {name: cents for (reason, name), cents in self.held.items() if reason == holding.CONTRACT}
        return [(name, earned.get(name, 0), held.get(name, 0)) for name in sorted(earned | held)]


class PaidMonth(NamedTuple):
    """A payout that was approved; ``run_id`` is the run that tried it last."""

    payout: Payout
    invoice: Invoice
    month: str
    run_id: str


def posts(rows: Sequence[Submission]) -> Posts:
    ids = [row.id for row in rows]
    found = select(Link.submission_id, Link.destination).where(
        Link.submission_id.in_(ids), Link.channel == "copy", Link.variant == ""
    )
    return Posts(
        partners.names_of(row.partner_id for row in rows),
        _by_id(Offer, {row.offer_id for row in rows}),
        {row[0]: row[1] for row in db.session.execute(found)},
        _by_id(Asset, {row.asset_id for row in rows}),
    )


def clip(post_id: str) -> Clip:
    """Return the clip of a post, whoever's; raises ``NotFound``."""
    found = db.session.get(Submission, post_id) if is_id(post_id) else None
    made = clips.clip_of(found) if found else None
    if made is None:
        raise NotFound
    return made


def holds(rows: Sequence[Hold]) -> Holds:
    return Holds(
        partners.names_of(row.partner_id for row in rows),
        _by_id(Commission, {row.commission_id for row in rows}),
    )


def partner(partner_id: str) -> PartnerPage:
    """Raises ``NotFound``, also once they are erased."""
    found = db.session.get(Partner, partner_id) if is_id(partner_id) else None
    if found is None or found.email is None:
        raise NotFound
    clicks: dict[str, int] = {}
    for by_verdict in links.counts_of_partner(partner_id).values():
        for verdict, number in by_verdict.items():
            clicks[verdict] = clicks.get(verdict, 0) + number
    day_ago = clock.now() - timedelta(days=1)
    mailed = select(Delivery.state, func.count()).where(
        Delivery.partner_id == partner_id, Delivery.created_at > day_ago
    )
    sessions = select(PartnerSession).where(
        PartnerSession.partner_id == partner_id, PartnerSession.revoked_at.is_(None)
    )
    return PartnerPage(
        partner=found,
        posts=lists.get_list("posts").listing({"partner": partner_id}).newest(LAST_POSTS),
        clicks=clicks,
        balances=ledger.balances(partner_id),
        held=holding.held_sums(partner_id),
        standings=contracts.standings(partner_id),
        mails={row[0]: row[1] for row in db.session.execute(mailed.group_by(Delivery.state))},
        sessions=list(db.session.scalars(sessions.order_by(PartnerSession.last_used_at.desc()).limit(20))),
        acts=lists.get_list("audit").listing({"subject": partner_id}).newest(LAST_ACTS),
        payouts=_payouts(partner_id) if settings().payouts_enabled else (),
        today=clock.today(),
    )


def _payouts(partner_id: str) -> list[PaidMonth]:
    """Return the newest payouts, by one statement."""
    of_payout = select(Transfer.run_id).where(
        Transfer.payout_id == Payout.id, Transfer.state != TransferState.PLANNED
    )
    last_run = of_payout.order_by(Transfer.attempt.desc()).limit(1).scalar_subquery()
    found = (
        select(Payout, Invoice, PayoutRun.month, last_run)
        .join(Invoice, Invoice.payout_id == Payout.id)
        .join(PayoutRun, PayoutRun.id == Payout.run_id)
        .where(Payout.partner_id == partner_id)
        .order_by(Invoice.created_at.desc())
        .limit(LAST_PAYOUTS)
    )
    return [PaidMonth(*row) for row in db.session.execute(found)]


class ConversionPage(NamedTuple):
    """A conversion, why it is nobody's, and the posts that it may be of."""

    conversion: Conversion
    network: str
    why: str
    candidates: Sequence[attribution.LikelyPost]
    names: Mapping[str, str]


def conversion(conversion_id: str) -> ConversionPage:
    """Raises ``NotFound``."""
    found = db.session.get(Conversion, conversion_id) if is_id(conversion_id) else None
    if found is None:
        raise NotFound
    network = db.session.get_one(Network, found.network_id).name
    may_be = attribution.candidates(found.occurred_at) if found.partner_id is None else []
    owners = {one.partner_id for one in may_be} | {found.partner_id or ""}
    why = unattributed.why_unattributed(found) if found.partner_id is None else ""
    return ConversionPage(found, network, why, may_be, partners.names_of(owners))


def _by_id(model: type[Any], ids: set[str]) -> dict[str, Any]:
    return {row.id: row for row in db.session.scalars(select(model).where(model.id.in_(ids)))}
