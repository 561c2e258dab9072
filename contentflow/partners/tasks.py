"""What the worker does for partners: forget what is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from contentflow.core import clock
from contentflow.core.db import transaction
from contentflow.partners import services

EVERY = timedelta(hours=1)


class Forget:
    """A sweep that works at most once an hour, however often it is called."""

    def __init__(self) -> None:
        self.last: datetime | None = None

    def __call__(self) -> None:
        now = clock.now()
        if self.last is not None and now - self.last < EVERY:
            return
        self.last = now
        with transaction():
            services.forget_ended()
