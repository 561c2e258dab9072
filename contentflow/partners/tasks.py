"""What the worker does for partners: erase what is over."""

from __future__ import annotations

from contentflow.core.db import transaction
from contentflow.partners import services


def erase_expired() -> None:
    with transaction():
        services.erase_expired()
