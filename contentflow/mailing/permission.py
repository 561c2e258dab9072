"""Whether a mail may leave: asked when it is planned, and again in the claim of each try."""

from __future__ import annotations

from contentflow.mailing.models import Delivery


def must_wait(delivery: Delivery) -> bool:
    return False


def may_still_leave(delivery: Delivery) -> bool:
    return delivery.recipient is not None
