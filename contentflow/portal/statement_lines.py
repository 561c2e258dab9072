"""The ledger's entries as a partner reads them: each names its post, offer, networks, rate and commission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from flask_babel import gettext as _
from flask_babel import ngettext as _n
from sqlalchemy import case, func, select

from contentflow.byop.models import Submission
from contentflow.byop.words import DEFAULT_TITLE
from contentflow.conversions.models import Conversion, Network
from contentflow.core.db import db
from contentflow.core.money import euros, share
from contentflow.ledger.double_entry import UNPAID, Account
from contentflow.ledger.models import Commission, LedgerEntry, LedgerTransaction, TransactionKind
from contentflow.links.sentences import channel_name
from contentflow.offers.models import Offer
from contentflow.portal.words import cause_words, kind_words, state_words

EARNED: Final = (
    TransactionKind.SALE,
    TransactionKind.LEAD,
    TransactionKind.ATTRIBUTE,
    TransactionKind.RESTORE,
)
SHARED: Final = (
    *EARNED,
    TransactionKind.REFUND,
    TransactionKind.CORRECT,
)  # They are a share of what the network pays.
TOLD: Final = (TransactionKind.CLAWBACK, TransactionKind.CORRECT)
ROWS_AT_ONCE = 500  # Ids in one query: SQLite takes some thousand values.


@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """``cents`` is what the event added to what is not paid yet; 0 where it only moved it.

    ``sale`` is the network's own number of it, ``network`` who reported it, ``channel`` where it was
    shared. ``share_bp`` and ``commission_cents`` are None where the event is no share of a commission.
    """

    transaction_id: str
    posted_at: datetime
    kind: str
    cents: int
    note: str = ""
    sale: str = ""
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
    state: str = ""

    @property
    def words(self) -> str:
        return kind_words(self.kind)

    @property
    def about(self) -> str:
        advertiser = self.advertiser if self.advertiser != self.offer else ""
        channel = channel_name(self.channel) if self.channel else ""
        reported = f"{self.network} {self.sale}".strip()
        return " · ".join(
            part for part in (self.offer, advertiser, channel, reported, self.state, self.shown_note) if part
        )

    @property
    def rate(self) -> str:
        """How the amount came about: “40 % de 24,00 € de commission”, “12 clics à 0,02 €”."""
        if self.kind == TransactionKind.CLICKS and self.click_cents:
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
        return cause_words(self.note) if self.kind in TOLD else ""


def read_lines(
    partner_id: str, start: datetime | None, end: datetime, limit: int | None = None
) -> list[StatementLine]:
    """Return a partner's entries of a time: with a limit the newest, and those first."""
    # One join takes all legs of a transaction: another of the network's would read every leg of its account.
    own = LedgerEntry.account.in_(UNPAID) & (LedgerEntry.partner_id == partner_id)
    cents = func.sum(case((own, LedgerEntry.amount_cents), else_=0))
    commission_id = func.max(case((own, LedgerEntry.commission_id)))
    owed = func.max(case((LedgerEntry.account == Account.NETWORK, -LedgerEntry.amount_cents)))
    when = LedgerTransaction.posted_at
    found = (
        select(LedgerTransaction, cents, commission_id, owed)
        .outerjoin(LedgerEntry, LedgerEntry.transaction_id == LedgerTransaction.id)
        .where(LedgerTransaction.partner_id == partner_id, when < end)
        .group_by(LedgerTransaction.id)
        .order_by(when.desc() if limit else when, LedgerTransaction.id)
        .limit(limit)
    )
    if start is not None:
        found = found.where(when >= start)
    rows = db.session.execute(found)
    return _explain([(posted, int(total), one, gross) for posted, total, one, gross in rows])


def _explain(rows: Sequence[tuple[LedgerTransaction, int, str | None, int | None]]) -> list[StatementLine]:
    """Name the sale, post, offer and network behind each (transaction, cents, commission, what is owed)."""
    commissions = _by_id(Commission, {commission_id for _, _, commission_id, _ in rows})
    sales = _by_id(Conversion, {posted.conversion_id for posted, _, _, _ in rows})
    ids: set[str | None] = {commission.submission_id for commission in commissions.values()}
    posts = _by_id(Submission, ids | {sale.submission_id for sale in sales.values()})
    offers = _by_id(Offer, {post.offer_id for post in posts.values()})
    networks = _by_id(Network, {sale.network_id for sale in sales.values()})
    lines = []
    for posted, cents, commission_id, gross in rows:
        commission, sale = commissions.get(commission_id), sales.get(posted.conversion_id)
        source = commission or sale
        post = posts.get(source.submission_id if source else None)
        line = StatementLine(
            transaction_id=posted.id,
            posted_at=posted.posted_at,
            kind=posted.kind,
            cents=cents,
            note=posted.note,
            channel=source.channel if source else "",
            advertiser=commission.advertiser if commission else "",
            **_of_sale(posted.kind, sale, networks, gross),
            **_of_post(posted.kind, post, offers),
        )
        lines.append(line)
    return lines


def _of_sale(
    kind: str, sale: Conversion | None, networks: Mapping[str | None, Network], gross: int | None
) -> dict[str, Any]:
    if sale is None:
        return {}
    network = networks.get(sale.network_id)
    # A refund of what was available already is called a clawback; one by name has its own reason.
    is_shared = kind in SHARED or (kind == TransactionKind.CLAWBACK and sale.type == "refund")
    # What is attributed later was owed to the programme before.
    commission = sale.euro_cents if gross is None else gross
    is_later = sale.state_at is not None and sale.state_at > sale.recorded_at
    return {
        "sale": sale.transaction,
        "network": network.name if network else "",
        "commission_cents": commission if is_shared else None,
        "state": state_words(sale.state, sale.state_at if is_later else None) if kind in EARNED else "",
    }


def _of_post(kind: str, post: Submission | None, offers: Mapping[str | None, Offer]) -> dict[str, Any]:
    if post is None:
        return {}
    offer = offers.get(post.offer_id)
    return {
        "submission_id": post.id,
        "post": post.title or DEFAULT_TITLE,
        "offer": offer.name if offer else "",
        "share_bp": None if kind == TransactionKind.CLICKS else post.revshare_bp,
        "fixed_cents": post.fixed_cents if kind in EARNED else 0,
        "click_cents": post.click_cents,
    }


Row = TypeVar("Row", Commission, Conversion, Submission, Offer, Network)


def _by_id(model: type[Row], ids: set[str | None]) -> dict[str | None, Row]:
    wanted, found = sorted(known for known in ids if known), dict[str | None, Row]()
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        some = wanted[start : start + ROWS_AT_ONCE]
        for row in db.session.scalars(select(model).where(model.id.in_(some))):
            found[row.id] = row
    return found
