"""The ledger's entries as a partner reads them: each names its post, offer, networks, rate and commission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from flask_babel import gettext as _
from flask_babel import ngettext as _n
from sqlalchemy import func, select

from contentflow.byop.models import Submission
from contentflow.byop.words import DEFAULT_TITLE
from contentflow.core.db import db
from contentflow.earnings.models import Conversion, Credit, LedgerEntry, Network, Posting
from contentflow.earnings.postings import Account
from contentflow.earnings.words import kind_words
from contentflow.offers.models import Offer
from contentflow.sharekit.sentences import channel_name
from contentflow.web.filters import euros, share

UNPAID: Final = (Account.PENDING, Account.HELD, Account.AVAILABLE)
SHARED: Final = ("sale", "lead", "attach", "refund")  # kinds that are a share of a commission


@dataclass(frozen=True, kw_only=True)
class Entry:
    """``cents`` is what the event added to what is not paid yet; 0 where it only moved it.

    ``network`` is who reported the sale, ``channel`` where it was shared. ``share_bp`` and
    ``commission_cents`` are None where the event is no share of a commission.
    """

    posting_id: str
    at: datetime
    kind: str
    cents: int
    note: str = ""
    transaction: str = ""
    network: str = ""
    channel: str = ""
    submission_id: str = ""
    post: str = ""
    offer: str = ""
    advertiser: str = ""
    share_bp: int | None = None
    commission_cents: int | None = None
    fixed_cents: int = 0
    click_cents: int = 0

    @property
    def words(self) -> str:
        return kind_words(self.kind)

    @property
    def about(self) -> str:
        advertiser = self.advertiser if self.advertiser != self.offer else ""
        channel = channel_name(self.channel) if self.channel else ""
        reported = f"{self.network} {self.transaction}".strip()
        return " · ".join(
            part for part in (self.offer, advertiser, channel, reported, self.shown_note) if part
        )

    @property
    def rate(self) -> str:
        """How the amount came about: “40 % de 24,00 € de commission”, “12 clics à 0,02 €”."""
        if self.kind == "clicks" and self.click_cents:
            number = self.cents // self.click_cents
            price = euros(self.click_cents)
            return str(_n("%(num)s clic à %(euros)s", "%(num)s clics à %(euros)s", number, euros=price))
        if self.share_bp is None or self.commission_cents is None:
            return ""
        part, commission = share(self.share_bp), euros(self.commission_cents)
        told = str(_("%(share)s de %(euros)s de commission", share=part, euros=commission))
        if self.fixed_cents:
            told += " " + str(_("et %(euros)s fixes", euros=euros(self.fixed_cents)))
        return told

    @property
    def shown_note(self) -> str:
        return self.note if self.kind == "clawback" else ""


def read_entries(
    partner_id: str, start: datetime | None, end: datetime, limit: int | None = None
) -> list[Entry]:
    """Return a partner's entries of a time: with a limit the newest, and those first."""
    cents = func.coalesce(func.sum(LedgerEntry.amount_cents), 0)
    own = LedgerEntry.account.in_(UNPAID) & (LedgerEntry.partner_id == partner_id)
    found = (
        select(Posting, cents, func.max(LedgerEntry.credit_id))
        .outerjoin(LedgerEntry, (LedgerEntry.posting_id == Posting.id) & own)
        .where(Posting.partner_id == partner_id, Posting.at < end)
        .group_by(Posting.id)
        .order_by(Posting.at.desc() if limit else Posting.at, Posting.id)
        .limit(limit)
    )
    if start is not None:
        found = found.where(Posting.at >= start)
    return _told(
        [(posting, int(total), credit_id) for posting, total, credit_id in db.session.execute(found)]
    )


def _told(rows: Sequence[tuple[Posting, int, str | None]]) -> list[Entry]:
    credits = _by_id(Credit, {credit_id for _, _, credit_id in rows})
    sales = _by_id(Conversion, {posting.conversion_id for posting, _, _ in rows})
    ids: set[str | None] = {credit.submission_id for credit in credits.values()}
    posts = _by_id(Submission, ids | {sale.submission_id for sale in sales.values()})
    offers = _by_id(Offer, {post.offer_id for post in posts.values()})
    networks = _by_id(Network, {sale.network_id for sale in sales.values()})
    entries = []
    for posting, cents, credit_id in rows:
        credit, sale = credits.get(credit_id), sales.get(posting.conversion_id)
        source = credit or sale
        post = posts.get(source.submission_id if source else None)
        entry = Entry(
            posting_id=posting.id,
            at=posting.at,
            kind=posting.kind,
            cents=cents,
            note=posting.note,
            channel=source.channel if source else "",
            advertiser=credit.advertiser if credit else "",
            **_of_sale(posting, sale, networks),
            **_of_post(posting, post, offers),
        )
        entries.append(entry)
    return entries


def _of_sale(
    posting: Posting, sale: Conversion | None, networks: Mapping[str | None, Network]
) -> dict[str, Any]:
    if sale is None:
        return {}
    network = networks.get(sale.network_id)
    sign = -1 if posting.kind in ("refund", "clawback") else 1
    return {
        "transaction": sale.transaction,
        "network": network.name if network else "",
        "commission_cents": sign * sale.euro_cents if _is_shared(posting, sale) else None,
    }


def _is_shared(posting: Posting, sale: Conversion) -> bool:
    # A refund of what was available already is called a clawback; one by name has its own reason.
    return posting.kind in SHARED or (posting.kind == "clawback" and sale.type == "refund")


def _of_post(posting: Posting, post: Submission | None, offers: Mapping[str | None, Offer]) -> dict[str, Any]:
    if post is None:
        return {}
    offer = offers.get(post.offer_id)
    return {
        "submission_id": post.id,
        "post": post.title or DEFAULT_TITLE,
        "offer": offer.name if offer else "",
        "share_bp": None if posting.kind == "clicks" else post.revshare_bp,
        "fixed_cents": post.fixed_cents if posting.kind in ("sale", "lead", "attach") else 0,
        "click_cents": post.click_cents,
    }


Row = TypeVar("Row", Credit, Conversion, Submission, Offer, Network)


def _by_id(model: type[Row], ids: set[str | None]) -> dict[str | None, Row]:
    wanted, found = sorted(known for known in ids if known), dict[str | None, Row]()
    for start in range(0, len(wanted), 500):
        for row in db.session.scalars(select(model).where(model.id.in_(wanted[start : start + 500]))):
            found[row.id] = row
    return found
