"""The week on one board: a line a job that waits, how many, since when, and the filter that counted it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, literal, select, union_all

from contentflow.config import settings
from contentflow.console import lists
from contentflow.conversions import networks as networking
from contentflow.conversions import reports
from contentflow.conversions.models import Network
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.registry import registry
from contentflow.mailing.models import Breaker, SenderPause
from contentflow.offers import administration
from contentflow.partners.roles import Permission
from contentflow.payouts import approval, showing

MOST: Final = 1_000  # counted; more are “1000+”, and no count is of a whole table
RECENT: Final = timedelta(days=7)
SOON: Final = timedelta(days=14)


@dataclass(frozen=True)
class WeekJob:
    """What waits for the team; ``filters`` open exactly those rows on the page ``endpoint``."""

    name: str
    title: object
    waiting: int
    since: datetime | None
    endpoint: str
    permission: Permission
    filters: Mapping[str, str] = field(default_factory=dict)
    is_news: bool = False  # nothing is to be done: it leaves the board with its time

    @property
    def count(self) -> str:
        return f"{MOST}+" if self.waiting > MOST else str(self.waiting)


class NextLine(NamedTuple):
    """Where to go on from a list that the board opened: ``job`` waits next; None: nothing else does."""

    job: WeekJob | None


def jobs(actor: str) -> list[WeekJob]:
    """Return what waits for ``actor``, in the order of a week; a line of zero is left out."""
    return [job for job in _all(actor) if job.waiting]


def next_line(
    endpoint: str, filters: Mapping[str, str], actor: str, may: Callable[[Permission], bool]
) -> NextLine | None:
    """Return what waits after the list that these filters open; None for a list that no line opens."""
    lines = list(_all(actor))
    here = [at for at, job in enumerate(lines) if (job.endpoint, job.filters) == (endpoint, filters)]
    if not here:
        return None
    others = lines[here[-1] + 1 :] + lines[: here[0]]
    waiting = (job for job in others if job.waiting and not job.is_news and may(job.permission))
    return NextLine(next(waiting, None))


def unwell() -> list[str]:
    """Return the parts that are not ready; none: all is well."""
    return [name for name, check in registry().readiness.items() if check() is not None]


def _all(actor: str) -> Iterator[WeekJob]:
    counted = list(_counted(actor))
    yield from counted[:4]
    yield WeekJob(
        "contracts_warned", _l("Partenaires près du seuil d’un contrat"), len(lists.warned_partners()), None,
        "console.partners", Permission.SEE_PARTNERS, {"state": "warned"},
    )  # fmt: skip
    yield from counted[4:]
    known, may, page = networking.list_networks(), Permission.SEE_NETWORKS, "console.networks"
    for state, title in (("rotating", _l("Secrets en rotation")), ("silent", _l("Réseaux silencieux"))):
        found = networks_of(state, known)
        since = min((one.secret_rotated_at for one in found if one.secret_rotated_at), default=None)
        since = since if state == "rotating" else None
        yield WeekJob(f"networks_{state}", title, len(found), since, page, may, {"state": state})
    ending, may = len(administration.ending_offers(SOON.days)), Permission.SEE_OFFERS
    filters, title = {"state": "ending"}, _l("Offres qui finissent bientôt")
    yield WeekJob("offers", title, ending, None, "console.offers", may, filters)


def networks_of(state: str, known: list[Network]) -> list[Network]:
    """Return those of ``known`` that are ``rotating`` their secret, or ``silent``; else all of them."""
    if state == "silent":
        return reports.silent_of(known)
    if state == "rotating":
        return [one for one in known if networking.is_rotating(one) and one.retired_at is None]
    return known


def _lists() -> tuple[tuple[str, object, str, str, Mapping[str, str]], ...]:
    """Return the lines that are lists: name, title, list, its page and the filter that is counted."""
    recent = clock.in_france(clock.now() - RECENT).date().isoformat()
    return (
        ("moderation", _l("Posts à relire"), "posts", "console.posts", {"state": "submitted"}),
        (
            "unattributed", _l("Ventes sans partenaire"), "conversions", "console.conversions",
            {"state": "unattributed"},
        ),
        (
            "holds", _l("Gains retenus à examiner"), "holds", "console.holds",
            {"state": "open", "reason": "suspicion"},
        ),
        (
            "contracts", _l("Contrats à faire signer"), "holds", "console.holds",
            {"state": "open", "reason": "contract"},
        ),
        (
            "bounces", _l("E-mails non remis des 7 derniers jours, pour information"), "deliveries",
            "console.mail", {"state": "undelivered", "since": recent},
        ),
    )  # fmt: skip


def _counted(actor: str) -> Iterator[WeekJob]:
    """Count by one statement what waits in lists, and what rests in the mail."""
    parts: list[Any] = []
    for name, _title, of, _endpoint, filters in _lists():
        listed = lists.get_list(of)
        # How many rows there are, up to one more than ``MOST``, and when the oldest of them is of.
        rows = select(listed.time.label("at")).where(*listed.which(filters))
        some = rows.order_by(listed.time).limit(MOST + 1).subquery()
        parts.append(select(literal(name), func.count(), func.min(some.c.at)))
    parts.append(select(literal("breakers"), func.count(), func.min(Breaker.opened_at)))
    parts.append(showing.count_contests("contests"))
    parts.append(approval.count_waiting("payouts", actor))
    open_pauses = select(literal("pauses"), func.count(), func.min(SenderPause.paused_at))
    parts.append(open_pauses.where(SenderPause.resumed_at.is_(None)))
    counted = db.session.execute(union_all(*parts))
    found: dict[str, tuple[int, datetime | None]] = {row[0]: (row[1], row[2]) for row in counted}
    for name, title, of, endpoint, filters in _lists():
        may = lists.get_list(of).permission
        yield WeekJob(name, title, *found[name], endpoint, may, filters, is_news=name == "bounces")
    page, may = "console.mail", Permission.SEE_MAIL
    yield WeekJob("breakers", _l("Envois en pause"), *found["breakers"], page, may)
    title = _l("Partenaires dont les e-mails sont en pause")
    yield WeekJob("pauses", title, *found["pauses"], page, may, {"state": "paused"})
    title, may = _l("Factures contestées à répondre"), Permission.SEE_MONEY
    yield WeekJob("contests", title, *found["contests"], "console.payouts", may)
    if settings().payouts_enabled:
        yield WeekJob(
            "payouts", _l("Lots de versements en attente"), *found["payouts"], "console.payouts", may
        )
