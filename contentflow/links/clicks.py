"""A hit on a link becomes a row with its verdict, before the visitor is answered."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, select, text
from sqlalchemy.dialects import postgresql, sqlite

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.client_address import block_of, subscriber_of
from contentflow.core.ids import new_id
from contentflow.links import spool, visitor_keys
from contentflow.links.entries import Entry
from contentflow.links.memory import Target, memory
from contentflow.links.models import Click, Link
from contentflow.links.patience import REFUSALS, brief_transaction
from contentflow.links.verdicts import Verdict

log = logging.getLogger(__name__)

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
SAME_VISITOR = timedelta(minutes=60)
BURST = timedelta(minutes=1)


@dataclass(frozen=True)
class Hit:
    """What a request tells. ``verdict`` is None where the clicks before it decide.

    ``ip`` and ``agent`` are hashed and forgotten.
    """

    verdict: Verdict | None
    agent_class: str
    ip: str
    agent: str
    is_credited: bool = True


@dataclass(frozen=True)
class Recorded:
    id: str
    verdict: str


def record_click(target: Target, hit: Hit) -> Recorded:
    """Write the click and return its id and verdict.

    It commits by itself: where the database refuses, the click goes to the spool instead, and when
    that refuses too it is counted in memory. The visitor is sent on in any case.
    """
    click_id = new_id()
    if not target.is_remembered:
        try:
            return _write_now(click_id, target, hit)
        except REFUSALS as error:
            log.warning("the database refused a click: %s", type(error).__name__)
    return _set_aside(click_id, target, hit)


def _write_now(click_id: str, target: Target, hit: Hit) -> Recorded:
    with brief_transaction(writes=True) as connection:
        at = clock.now()
        keys = visitor_keys.keys_for(connection, at) if hit.verdict is None else {}
        verdict = write(connection, _entry(click_id, target, hit, at, keys))
    memory().keys.update(keys)
    memory().note_written()
    return Recorded(click_id, verdict)


def _set_aside(click_id: str, target: Target, hit: Hit) -> Recorded:
    at = clock.now()
    entry = _entry(click_id, target, hit, at, visitor_keys.keys_at_hand(at))
    try:
        spool.append(entry)
        memory().note_written()
    except OSError as error:
        memory().note_lost()
        log.error("a click could be written nowhere: %s", error.strerror)
    return Recorded(click_id, entry.verdict)


def _entry(click_id: str, target: Target, hit: Hit, at: datetime, keys: visitor_keys.Keys) -> Entry:
    visitor = earlier = ip = earlier_ip = block = None
    if hit.verdict is None:
        visitor, earlier = visitor_keys.hashes(keys, at, f"{hit.ip}\n{hit.agent}")
        ip, earlier_ip = visitor_keys.hashes(keys, at, subscriber_of(hit.ip))
        block, _ = visitor_keys.hashes(keys, at, block_of(hit.ip))
    return Entry(
        id=click_id,
        link_id=target.id,
        is_credited=hit.is_credited,
        at=at,
        verdict=hit.verdict or Verdict.VALID,
        agent_class=hit.agent_class,
        visitor_hash=visitor,
        earlier_hash=earlier,
        ip_hash=ip,
        earlier_ip_hash=earlier_ip,
        block_hash=block,
    )


def write(connection: Connection, entry: Entry) -> str:
    """Insert the click unless it is there already, and return its verdict.

    A person is a duplicate when a valid click of the same visitor on the same link lies less than
    60 minutes away; after it too, for a click that waited in the spool. Whoever clicks one link more
    often than ``CLICK_BURST_PER_MINUTE`` out of one address is no person.
    """
    verdict = entry.verdict
    if verdict == Verdict.VALID and entry.visitor_hash is not None:
        _lock_visitor(connection, entry)
        if _is_burst(connection, entry):
            verdict = Verdict.FRAUD
        elif connection.execute(select(exists().where(_repeats(entry)))).scalar():
            verdict = Verdict.DUPLICATE
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = insert(Click).values(
        id=entry.id,
        link_id=entry.link_id,
        partner_id=_credited(entry),
        at=entry.at,
        verdict=str(verdict),
        visitor_hash=entry.visitor_hash,
        ip_hash=entry.ip_hash,
        block_hash=entry.block_hash,
        agent_class=entry.agent_class,
    )
    connection.execute(row.on_conflict_do_nothing(index_elements=["id"]))
    return str(verdict)


def _repeats(entry: Entry) -> ColumnElement[bool]:
    credited = Click.partner_id.is_not(None) if entry.is_credited else Click.partner_id.is_(None)
    return and_(
        Click.link_id == entry.link_id,
        Click.visitor_hash.in_(_known(entry.earlier_hash, entry.visitor_hash)),
        Click.at > entry.at - SAME_VISITOR,
        Click.at < entry.at + SAME_VISITOR,
        Click.verdict == Verdict.VALID,
        Click.id != entry.id,
        credited,
    )


def _is_burst(connection: Connection, entry: Entry) -> bool:
    most = settings().click_burst_per_minute
    before = (
        select(Click.id)
        .where(
            Click.link_id == entry.link_id,
            Click.ip_hash.in_(_known(entry.earlier_ip_hash, entry.ip_hash)),
            Click.at > entry.at - BURST,
            Click.at <= entry.at,
            Click.id != entry.id,
        )
        .limit(most)
    )
    return len(connection.execute(before).all()) >= most


def _known(*hashes: str | None) -> list[str]:
    return [known for known in hashes if known]


def _lock_visitor(connection: Connection, entry: Entry) -> None:
    # Two clicks at once must see each other. SQLite's transaction is the only writer already.
    if connection.dialect.name != "sqlite":
        by_address = _known(entry.earlier_ip_hash, entry.ip_hash)
        for known in by_address or _known(entry.earlier_hash, entry.visitor_hash):
            connection.execute(LOCK, {"name": f"{entry.link_id}/{known}"})


def _credited(entry: Entry) -> Any:
    return (
        select(Link.partner_id).where(Link.id == entry.link_id).scalar_subquery()
        if entry.is_credited
        else None
    )


def check_database() -> str | None:
    """Readiness: None when the database would take a click now; raises one of ``REFUSALS`` if not."""
    with brief_transaction(writes=True) as connection:
        connection.execute(select(Click.id).limit(1))
    return None
