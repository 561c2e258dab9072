"""Each hour Brevo is asked what became of the mails of some days, page by page."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

from contentflow.config import settings
from contentflow.core.broker import enqueue_now
from contentflow.core.db import transaction
from contentflow.core.errors import TooMany
from contentflow.mailing import reconciliation
from contentflow.mailing.reconciliation import DAYS, PAGE, Reading
from contentflow.web import limits

log = logging.getLogger(__name__)

READ_DAY = "mailing.read_day"
# Of the account, over all that ask: https://developers.brevo.com/docs/api-limits
CALLS_AN_HOUR = 100
MAX_SECONDS = 3_600
PAGE_BYTES = 8 * 1024 * 1024


class AskLater(Exception):
    """``wait_seconds`` is when to ask again; None: later, and longer after each time."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def plan_days() -> None:
    if settings().sends_mail and settings().brevo_api_key:
        with transaction():
            reconciliation.plan_days()


def enqueue_days() -> None:
    if settings().sends_mail and settings().brevo_api_key:
        for day in DAYS.due_ids(limit=1):  # One after the other: they share the hour's calls.
            enqueue_now(READ_DAY, day)


def read_day(day: str) -> None:
    """Ask about a day from where the last try ended; a worker that dies loses a page."""
    with transaction():
        reading = reconciliation.begin(day)
    if reading is None:
        return
    with DAYS.keep_lease(reading.claim, MAX_SECONDS):
        try:
            lost = _read(reading)
        except AskLater as refusal:
            log.warning("the events of %s are asked for later: %s", day, refusal)
            with transaction():
                _wait(reading, refusal)
            return
        with transaction():
            reconciliation.end(reading)
    if lost:
        log.warning("%s events of %s had not come by the webhook", lost, day)


def _read(reading: Reading) -> int:
    offset, lost = reading.offset, 0
    while True:
        items = _page(reading, offset)
        with transaction():
            lost += reconciliation.store_page(reading, offset, items)
        offset += len(items)
        if len(items) < PAGE:
            return lost


def _page(reading: Reading, offset: int) -> list[Any]:
    chosen = settings()
    try:
        limits.take("brevo_statistics", "account", CALLS_AN_HOUR, limits.HOUR)
    except TooMany as full:
        raise AskLater("the hour's calls are used up", full.retry_after_seconds) from full
    # The oldest first: what comes meanwhile moves no page.
    query = {
        "startDate": reading.starts,
        "endDate": reading.ends,
        "limit": PAGE,
        "offset": offset,
        "sort": "asc",
    }
    # Their libraries are none of a web process's.
    from contentflow.core import outbound
    from contentflow.mailing.transports.brevo import seconds_until_reset

    url = f"{chosen.brevo_api_url}/smtp/statistics/events?{urlencode(query)}"
    headers = {"api-key": chosen.brevo_api_key, "Accept": "application/json"}
    try:
        answer = outbound.call(
            "GET", url, chosen.mail_timeout_seconds, headers=headers, most_bytes=PAGE_BYTES
        )
    except (outbound.NotReached, outbound.NoAnswer) as error:
        raise AskLater(f"Brevo: {error}") from error
    if answer.status == 429:
        raise AskLater("Brevo 429", seconds_until_reset(answer, limits.HOUR))
    found = answer.json()
    items = found.get("events", []) if isinstance(found, dict) else None
    if answer.status != 200 or not isinstance(items, list):
        raise AskLater(f"Brevo {answer.status}")
    return items


def _wait(reading: Reading, refusal: AskLater) -> None:
    if refusal.wait_seconds is not None:
        waits = DAYS.waits(refusal.wait_seconds)
        DAYS.complete(reading.claim, **waits, attempts=reading.claim.attempts - 1, reason=str(refusal))
    elif DAYS.may_retry(reading.claim):
        DAYS.retry_later(reading.claim, reason=str(refusal))
    else:
        DAYS.give_up(reading.claim, str(refusal))
