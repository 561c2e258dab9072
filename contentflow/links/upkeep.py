"""Raw clicks go after 13 months, and a verdict is changed when a new robot is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Row, delete, func, select, update

from contentflow.core import audit, clock
from contentflow.core.db import db, transaction
from contentflow.core.errors import NotFound, Refused
from contentflow.links.batches import lock_clicks
from contentflow.links.models import Click, Link
from contentflow.links.verdicts import Verdict
from contentflow.partners.models import Partner

KEPT = timedelta(days=396)  # 13 months
AT_ONCE = 5_000
FOUND_AT_ONCE = 50_000
CHANGED_AT_ONCE = 200


class WrongVerdict(Refused):
    message = _l("Ce verdict n’existe pas, ou c’est le même des deux côtés.")


class NoBounds(Refused):
    message = _l("Dites quels clics : au moins un code, une empreinte ou un intervalle d’un jour au plus.")


class UnknownCode(NotFound):
    message = _l("Ce code n’existe pas.")


@dataclass(frozen=True, kw_only=True)
class Which:
    """The clicks to look at again; ``block_hash`` and ``visitor_hash`` are as they stand in ``clicks``."""

    code: str = ""
    agent_class: str = ""
    visitor_hash: str = ""
    block_hash: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_bounded(self) -> bool:
        if self.code or self.visitor_hash or self.block_hash:
            return True
        return bool(self.since and self.until and self.until - self.since <= timedelta(days=1))


def delete_old_clicks() -> int:
    """Maintenance: delete the raw clicks of more than 13 months; the roll-ups keep their sums."""
    before, gone = clock.now() - KEPT, 0
    partner_ids = list(db.session.scalars(select(Partner.id)))
    db.session.rollback()
    for partner_id in [None, *partner_ids]:  # By partner, which the index knows; None is nobody's.
        while deleted := _delete_some(partner_id, before):
            gone += deleted
    return gone


def _delete_some(partner_id: str | None, before: datetime) -> int:
    own = Click.partner_id.is_(None) if partner_id is None else Click.partner_id == partner_id
    with transaction():
        ids = list(db.session.scalars(select(Click.id).where(own, Click.clicked_at < before).limit(AT_ONCE)))
        if ids:
            db.session.execute(
                delete(Click).where(Click.id.in_(ids)).execution_options(synchronize_session=False)
            )
    return len(ids)


def reclassify(was: str, becomes: str, which: Which, actor: str) -> int:
    """Change the verdict of clicks and return how many; triggers move them in the roll-ups.

    The ledger is not touched: what was earned by them stays, unless an operator claws it back by name.
    It commits by itself, some clicks at a time: visitors never wait for all of it, and on PostgreSQL
    sums that change ten thousand times in one transaction become slow. Ended early, it can be called again.
    """
    if was == becomes or {was, becomes} - set(Verdict):
        raise WrongVerdict
    if not which.is_bounded:
        raise NoBounds
    changed = 0
    while found := _find(was, which):
        # One link and day a transaction: a click locks the day's sum before the link's, and would
        # wait in a circle with a transaction that goes on to another day.
        for _, of_day in groupby(found, key=lambda row: (row.link_id, clock.day_of(row.clicked_at))):
            while ids := [row.id for row in islice(of_day, CHANGED_AT_ONCE)]:
                changed += _change(ids, was, becomes, which, actor)
    return changed


def _find(was: str, which: Which) -> list[Row[str, str, datetime]]:
    wanted = select(Click.id, Click.link_id, Click.clicked_at).where(
        Click.verdict == was, *_conditions(which)
    )
    found = list(db.session.execute(wanted.order_by(Click.link_id, Click.clicked_at).limit(FOUND_AT_ONCE)))
    db.session.rollback()
    return found


def _change(ids: list[str], was: str, becomes: str, which: Which, actor: str) -> int:
    with transaction():
        lock_clicks(db.session.connection())
        changed = db.session.execute(
            update(Click)
            .where(Click.id.in_(ids), Click.verdict == was)
            .values(verdict=becomes)
            .execution_options(synchronize_session=False)
        ).rowcount  # type: ignore[attr-defined]
        audit.note(actor, f"links.reclassify.{was}.{becomes}", f"{which.code or 'all'}: {changed} clicks")
    return int(changed)


def count_clicks(was: str, which: Which) -> int:
    """Return how many clicks ``reclassify`` would change."""
    if was not in set(Verdict):
        raise WrongVerdict
    counted = select(func.count(Click.id)).where(Click.verdict == was, *_conditions(which))
    return int(db.session.scalar(counted) or 0)


def _conditions(which: Which) -> list[ColumnElement[bool]]:
    conditions: list[Any] = []
    if which.code:
        link_id = db.session.scalar(select(Link.id).where(Link.code == which.code))
        if link_id is None:
            raise UnknownCode
        conditions.append(Click.link_id == link_id)
    for name in ("agent_class", "visitor_hash", "block_hash"):
        if getattr(which, name):
            conditions.append(getattr(Click, name) == getattr(which, name))
    if which.since:
        conditions.append(Click.clicked_at >= which.since)
    if which.until:
        conditions.append(Click.clicked_at < which.until)
    return conditions
