"""Whose turn it is: the account's day, and each partner's, looked at again when a mail leaves.

The cap is taken when a mail is planned, and bears the time it is due. What was held up then may meet
what is due now: the places of the last 24 hours are counted once more, and what has none waits for one.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import ColumnElement, func, select

from contentflow.config import settings
from contentflow.core import clock, quarantine
from contentflow.core.db import db
from contentflow.core.writes import lock
from contentflow.mailing import breaker, standing
from contentflow.mailing.models import BULK, Delivery

ACCOUNT_WINDOW = timedelta(hours=24)
# Of the account's places: who cannot log in cannot do anything.
KEPT_FOR_LOGINS = 20
AT_ONCE = 1_000
MAX_DAYS_AHEAD = 30


def held_back() -> set[str]:
    """Return the partners whose mails wait for others, or for an operator; ids."""
    paused = {one.scope for one in standing.paused_senders()}
    places = _places()
    if places is None:
        return paused
    used = _used()
    return paused | {one for one in used if one and _has_enough(one, used[one], places, paused)}


def _places() -> int | None:
    """Return how many mails in partners' names may leave in 24 hours; None: any number.

    What logins used beyond their own places is missing here.
    """
    limit = settings().email_account_daily_limit
    if limit is None:
        return None
    since = clock.now() - ACCOUNT_WINDOW
    others = (Delivery.kind.in_(("login", "confirmation", "clip")), Delivery.first_tried_at > since)
    used = db.session.scalar(select(func.count()).select_from(Delivery).where(*others)) or 0
    return max(1, limit - max(KEPT_FOR_LOGINS, used))


def _in_window() -> tuple[ColumnElement[bool], ...]:
    since = clock.now() - ACCOUNT_WINDOW
    return Delivery.kind.in_(BULK), Delivery.first_tried_at > since, Delivery.state != "captured"


def _used() -> Counter[str]:
    """Return the places that each partner took in the last 24 hours."""
    counted = select(func.coalesce(Delivery.partner_id, ""), func.count()).where(*_in_window())
    rows = db.session.execute(counted.group_by(Delivery.partner_id))
    return Counter({partner_id: count for partner_id, count in rows})


def _has_enough(partner_id: str, used: int, places: int, paused: set[str]) -> bool:
    """Whether a partner has half of the day and others wait: then it is their turn."""
    return used * 2 >= places and _do_others_wait(partner_id, paused)


def _do_others_wait(partner_id: str, paused: set[str]) -> bool:
    waits = select(Delivery.id).where(
        Delivery.kind.in_(BULK),
        Delivery.state == "queued",
        Delivery.next_attempt_at <= clock.now(),
        func.coalesce(Delivery.partner_id, "").not_in({partner_id} | paused),
    )
    return db.session.scalar(waits.limit(1)) is not None


def _tried_at(skipped: int, count: int) -> list[datetime]:
    """Return when the mails of the window left, the oldest first."""
    tried = select(Delivery.first_tried_at).where(*_in_window()).order_by(Delivery.first_tried_at)
    return [at for at in db.session.scalars(tried.offset(max(skipped, 0)).limit(count)) if at is not None]


def put_off() -> int:
    """Date what waits for a place of the account when one becomes free, and return how many that were.

    They are ``scheduled``, so that whoever looks sees when; and they count in the day on which they leave.
    """
    places = _places()
    if places is None:
        return 0
    lock("mailing.account")
    waits = select(Delivery).where(
        Delivery.kind.in_(BULK),
        Delivery.state == "queued",
        Delivery.first_tried_at.is_(None),
        Delivery.next_attempt_at <= clock.now(),
    )
    in_order = waits.order_by(Delivery.next_attempt_at, Delivery.id).limit(AT_ONCE)
    found = db.session.scalars(in_order.with_for_update(skip_locked=True)).all()
    free_at = _tried_at(_used().total() - places, places)
    for number, delivery in enumerate(found if free_at else []):
        days, place = divmod(number, len(free_at))
        delivery.due_at = free_at[place] + ACCOUNT_WINDOW * min(days + 1, MAX_DAYS_AHEAD)
        delivery.state, delivery.next_attempt_at = "scheduled", delivery.due_at
    return len(found)


class SenderTurn:
    """Which mails of one sender may leave now, in the claim that holds the sender's row.

    What is the same for all of them is asked once; the places that the claim itself takes are counted here.
    """

    def __init__(self, partner_id: str | None) -> None:
        self._partner_id = partner_id or ""
        self._is_own = Delivery.partner_id == partner_id
        self._left: dict[str, int] = {}

    def has_come(self, delivery: Delivery) -> bool:
        """Take the places that a mail needs. Without one of its partner's it waits, ``scheduled``.

        It stands still for a restore, mails switched off, a sender's pause, the account's day.
        """
        if delivery.kind != "login" and self._is_held:
            return False
        if delivery.kind not in BULK:
            return True
        if self._is_resting:
            return False
        if delivery.first_tried_at is not None:
            return True
        if not self._has_account_place() or not self._has_own_place(delivery):
            return False
        if self._places is not None:
            self._used[self._partner_id] += 1
        return True

    @cached_property
    def _is_held(self) -> bool:
        return quarantine.is_held(quarantine.MAIL)

    @cached_property
    def _is_resting(self) -> bool:
        return not settings().can_mail_kits or standing.pause_of(self._partner_id) is not None

    @cached_property
    def _places(self) -> int | None:
        return _places()

    @cached_property
    def _used(self) -> Counter[str]:
        lock("mailing.account")
        used = _used()
        if self._places is not None and used.total() < self._places:
            breaker.close(breaker.ACCOUNT)
        return used

    @cached_property
    def _do_others_wait(self) -> bool:
        return _do_others_wait(self._partner_id, set())

    def _has_account_place(self) -> bool:
        places = self._places
        if places is None:
            return True
        if self._used.total() < places:
            return self._used[self._partner_id] * 2 < places or not self._do_others_wait
        first = _tried_at(self._used.total() - places, 1)[0]
        frees_in = first + ACCOUNT_WINDOW - clock.now()
        breaker.trip(breaker.ACCOUNT, frees_in.total_seconds(), "EMAIL_ACCOUNT_DAILY_LIMIT is reached")
        return False

    def _has_own_place(self, delivery: Delivery) -> bool:
        limit = settings().share_email_daily_limit if delivery.kind == "share" else settings().invites_per_day
        if delivery.kind not in self._left:
            tried = select(func.count()).select_from(Delivery).where(*self._in_window(delivery.kind))
            self._left[delivery.kind] = limit - (db.session.scalar(tried) or 0)
        self._left[delivery.kind] -= 1
        if self._left[delivery.kind] >= 0:
            return True
        newest_first = select(Delivery.first_tried_at).where(*self._in_window(delivery.kind))
        newest_first = newest_first.order_by(Delivery.first_tried_at.desc())
        leaves_next = db.session.scalar(newest_first.offset(max(limit, 1) - 1).limit(1)) or clock.now()
        free_at = leaves_next + ACCOUNT_WINDOW
        delivery.state, delivery.due_at, delivery.next_attempt_at = "scheduled", free_at, free_at
        return False

    def _in_window(self, kind: str) -> tuple[ColumnElement[bool], ...]:
        since = clock.now() - ACCOUNT_WINDOW
        return (
            self._is_own,
            Delivery.kind == kind,
            Delivery.first_tried_at > since,
            Delivery.state != "captured",
        )
