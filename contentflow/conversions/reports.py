"""What became of each report: for ``network last``, and for ``doctor`` when a network is silent or errs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Select, delete, func, literal_column, or_, select, union_all, update

from contentflow.conversions import networks
from contentflow.conversions.models import Network, PostbackReport
from contentflow.conversions.services import Recorded, ReportOutcome
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.terminal_language import says

KEPT = timedelta(days=395)  # thirteen months, as clicks
LAST = 50
DELETED_AT_ONCE = 1_000
LATELY_LOOKED_AT = 300  # The same on the board, which must be quick.
LOOKED_AT = 10_000  # reports of a network, the newest, in which its longest silence is looked for
FEWEST = 5  # Fewer reports make no habit.
SHORTEST_SILENCE = timedelta(days=1)  # A network that sold twice an hour ago is not silent.
LATELY = timedelta(days=7)
UNSIGNED_EVERY = timedelta(minutes=1)
UNSIGNED_KEPT = 10  # of the 50 that are shown
NO_LIFE = (ReportOutcome.REFUSED, ReportOutcome.UNSIGNED)
REFUSED_PERCENT = 10  # more of them than before is a rising share


def note(network_id: str, recorded: Recorded) -> None:
    """Write down what a report did, in its own transaction."""
    conversion = recorded.conversion
    db.session.add(
        PostbackReport(
            network_id=network_id,
            verdict=recorded.verdict,
            reason="" if conversion.type == "refund" else conversion.unattributed,
            transaction=conversion.transaction,
            type=conversion.type,
            state=conversion.state,
            conversion_id=conversion.id,
        )
    )


def note_refusal(network_id: str, reason: str) -> None:
    """Write down why a report was refused; its reason names fields, and holds no token."""
    printable = "".join(letter if letter.isprintable() else "\ufffd" for letter in reason)
    db.session.add(
        PostbackReport(network_id=network_id, verdict=ReportOutcome.REFUSED, reason=printable[:200])
    )


def note_unsigned(network_id: str, reason: str) -> None:
    """Write down that a report was signed by nobody: whoever sends them makes one row a minute at most.

    Of a network the last ten are kept. ``network_id`` may be nobody's.
    """
    now = clock.now()
    is_due = or_(Network.unsigned_at.is_(None), Network.unsigned_at <= now - UNSIGNED_EVERY)
    due = update(Network).where(Network.id == network_id, is_due).values(unsigned_at=now)
    noted: Any = db.session.execute(due.execution_options(synchronize_session=False))
    if not noted.rowcount:
        return
    verdict = ReportOutcome.UNSIGNED
    db.session.add(PostbackReport(network_id=network_id, verdict=verdict, reason=reason, reported_at=now))
    db.session.flush()
    of_network = select(PostbackReport.id).where(
        PostbackReport.network_id == network_id, PostbackReport.verdict == literal_column(f"'{verdict}'")
    )
    newest = of_network.order_by(PostbackReport.reported_at.desc(), PostbackReport.id.desc())
    old = list(db.session.scalars(newest.offset(UNSIGNED_KEPT)))
    db.session.execute(delete(PostbackReport).where(PostbackReport.id.in_(old)))


def list_last(network: Network) -> list[dict[str, Any]]:
    """Return the last 50 reports of a network, the newest first."""
    found = (
        select(PostbackReport)
        .where(PostbackReport.network_id == network.id)
        .order_by(PostbackReport.reported_at.desc(), PostbackReport.id.desc())
        .limit(LAST)
    )
    names = ("verdict", "reason", "transaction", "type", "state", "conversion_id")
    return [
        {"at": clock.iso(row.reported_at), **{name: getattr(row, name) for name in names}}
        for row in db.session.scalars(found)
    ]


def check_networks() -> str | None:
    """Doctor: None while every network reports as it used to, else who does not, a sentence each."""
    now = clock.now()
    found = [
        sentence
        for network in networks.list_networks()
        if network.retired_at is None
        for sentence in (_silence(network, now), _refusals(network, now))
        if sentence
    ]
    return "\n".join(found) or None


def last_accepted_at() -> datetime | None:
    """Return when a network was last believed; None when none ever was."""
    newest = select(PostbackReport.reported_at).where(PostbackReport.verdict.not_in(NO_LIFE))
    return db.session.scalar(newest.order_by(PostbackReport.reported_at.desc()).limit(1))


def silent_of(known: Sequence[Network]) -> list[Network]:
    """Return those that were never silent for so long; one statement looks at all of them."""
    open_ones = [network for network in known if network.retired_at is None]
    if not open_ones:
        return []
    newest = [_newest(network.id, LATELY_LOOKED_AT).subquery() for network in open_ones]
    times: dict[str, list[datetime]] = {}
    for network_id, at in db.session.execute(union_all(*(select(one) for one in newest))):
        times.setdefault(network_id, []).append(at)
    now = clock.now()
    return [one for one in open_ones if _is_silent(sorted(times.get(one.id, []), reverse=True), now)]


def _newest(network_id: str, number: int) -> Select[str, datetime]:
    return (
        select(PostbackReport.network_id, PostbackReport.reported_at)
        .where(PostbackReport.network_id == network_id, PostbackReport.verdict.not_in(NO_LIFE))
        .order_by(PostbackReport.reported_at.desc())
        .limit(number)
    )


def _is_silent(times: Sequence[datetime], now: datetime) -> bool:
    return len(times) >= FEWEST and now - times[0] > max(longest_gap(times), SHORTEST_SILENCE)


def _silence(network: Network, now: datetime) -> str | None:
    times = [row[1] for row in db.session.execute(_newest(network.id, LOOKED_AT))]
    if not _is_silent(times, now):
        return None
    days = (now - times[0]).days
    words = says("Le réseau %s se tait depuis %s jours, plus longtemps que jamais : demandez-lui pourquoi.")
    return words % (network.name, days)


def longest_gap(times: Sequence[datetime]) -> timedelta:
    """Return the longest time between two of them, which stand the newest first. Pure."""
    return max((later - earlier for later, earlier in pairwise(times)), default=timedelta(0))


def _refusals(network: Network, now: datetime) -> str | None:
    refused, reported = _shares(network, now - LATELY, now)
    refused_before, reported_before = _shares(network, now - 5 * LATELY, now - LATELY)
    before = refused_before * 100 // reported_before if reported_before else 0
    if refused < FEWEST or refused * 100 // reported < before + REFUSED_PERCENT:
        return None
    words = says("Le réseau %s : %s rapports refusés sur %s en sept jours, voyez « network last %s ».")
    return words % (network.name, refused, reported, network.name)


def _shares(network: Network, since: datetime, until: datetime) -> tuple[int, int]:
    """Return how many reports of a time were refused, and how many there were."""
    found = (
        select(PostbackReport.verdict, func.count())
        .where(
            PostbackReport.network_id == network.id,
            PostbackReport.reported_at >= since,
            PostbackReport.reported_at < until,
            PostbackReport.verdict != ReportOutcome.UNSIGNED,
        )
        .group_by(PostbackReport.verdict)
    )
    counts: dict[str, int] = {verdict: number for verdict, number in db.session.execute(found)}
    return counts.get(ReportOutcome.REFUSED, 0), sum(counts.values())


def delete_old() -> int:
    """Maintenance: delete the reports of more than thirteen months ago; return how many went."""
    gone = 0
    old = (
        select(PostbackReport.id)
        .where(PostbackReport.reported_at < clock.now() - KEPT)
        .limit(DELETED_AT_ONCE)
    )
    while True:
        with transaction():
            ids = list(db.session.scalars(old))
            db.session.execute(delete(PostbackReport).where(PostbackReport.id.in_(ids)))
        gone += len(ids)
        if len(ids) < DELETED_AT_ONCE:
            return gone
