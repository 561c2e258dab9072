"""What the worker does for partners: forget what is over."""

from __future__ import annotations

from contentflow.core.db import transaction
from contentflow.partners import services


def forget_ended() -> None:
    with transaction():
        services.forget_ended()
