"""What the worker tells Brevo of its list: https://developers.brevo.com/reference/remove-contact-from-list

At most ten calls a second, over all workers. Both calls may be made again without harm.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from contentflow.config import settings
from contentflow.contacts import list_sync
from contentflow.core import quarantine
from contentflow.core.broker import enqueue_now
from contentflow.core.db import db, transaction
from contentflow.core.errors import TooMany
from contentflow.web import limits

log = logging.getLogger(__name__)

CALLS_A_SECOND = 10
MAX_SECONDS = 600
ACCEPTED = {200, 201, 204}
# Said of people who are not there any more, or never were.
REFUSED = {400, 422}


class TellLater(Exception):
    """``wait_seconds`` is when; None: later, and longer after each time."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def tell_list(_which: str) -> None:
    """Tell what is due, until it is done or Brevo wants no more for now."""
    with transaction():
        taken = list_sync.claim_some()
    claims = [claim for claim, _, _ in taken]
    if not claims:
        return
    leaving = [(claim, address) for claim, address, is_inside in taken if not is_inside]
    calls = [leaving] if leaving else []
    calls += [[(claim, address)] for claim, address, is_inside in taken if is_inside]
    joining = {claim for claim, _, is_inside in taken if is_inside}
    with list_sync.CHANGES.keep_leases(claims, MAX_SECONDS):
        while calls:
            some = calls.pop(0)
            told = [claim for claim, _ in some]
            try:
                status = _call([address for _, address in some], told[0] in joining)
            except TellLater as refusal:
                log.warning("Brevo's list is told later: %s", refusal)
                left = told + [claim for others in calls for claim, _ in others]
                with transaction():
                    list_sync.put_off(left, str(refusal), refusal.wait_seconds)
                return
            if status in REFUSED and len(some) > 1:  # One of them may be why: each alone.
                calls = [[one] for one in some] + calls
                continue
            with transaction():
                list_sync.settle(told)


def _call(addresses: Sequence[str], joins: bool) -> int:
    """Put an address into the list, or take some out; returns the status. Raises ``TellLater``."""
    from contentflow.core import outbound
    from contentflow.mailing.transports.brevo import seconds_until_reset

    chosen = settings()
    path = f"/contacts/lists/{chosen.brevo_list_id}/contacts/remove"
    body: dict[str, Any] = {"emails": list(addresses)}
    if joins:
        path = "/contacts"
        body = {"email": addresses[0], "listIds": [chosen.brevo_list_id], "updateEnabled": True}
    try:
        limits.take("brevo_contacts", "account", CALLS_A_SECOND, 1)
    except TooMany as full:
        raise TellLater("ten calls in this second", full.retry_after_seconds) from full
    headers = {"api-key": chosen.brevo_api_key, "Accept": "application/json"}
    url = f"{chosen.brevo_api_url}{path}"
    try:
        answer = outbound.post_json(url, body, headers, chosen.mail_timeout_seconds)
    except (outbound.NotReached, outbound.NoAnswer) as error:
        raise TellLater(f"Brevo: {error}") from error
    if answer.status == 429:
        raise TellLater("Brevo 429", seconds_until_reset(answer, limits.MINUTE))
    if answer.status not in ACCEPTED | REFUSED:
        raise TellLater(f"Brevo {answer.status}")
    return answer.status


def enqueue_due() -> None:
    is_due = settings().asks_at_brevo and list_sync.CHANGES.due_ids(limit=1)
    is_held = quarantine.is_held(quarantine.MAIL)
    db.session.rollback()
    if is_due and not is_held:
        enqueue_now(list_sync.TELL, "due")
