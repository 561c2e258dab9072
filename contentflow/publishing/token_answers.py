"""What a server that gives out tokens answers, where all platforms mean the same (RFC 6749, 5)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from contentflow.core import clock
from contentflow.core.outbound import Answer
from contentflow.publishing.calls import NoAnswer, NotReached, number_in, text_in
from contentflow.publishing.oauth import (
    ConnectRefused,
    Refreshed,
    RefreshLater,
    RefreshRefused,
    RefreshUnclear,
)

log = logging.getLogger(__name__)

MAX_TOKEN_LENGTH = 4_000
DEFAULT_LIFE_SECONDS = 300


@contextmanager
def must_answer() -> Iterator[None]:
    """Whoever does not answer is not connected: raises ``ConnectRefused``."""
    try:
        yield
    except (NotReached, NoAnswer) as error:
        raise ConnectRefused("unreachable") from error


def revoked(send: Callable[[], Answer]) -> None:
    """Tell a token's end; raises ``ConnectRefused`` where that was not heard and may be another time."""
    with must_answer():
        answer = send()
    if answer.status >= 500 or answer.status == 429:
        raise ConnectRefused("unreachable")


@contextmanager
def or_released(release: Callable[[], None]) -> Iterator[None]:
    """Give back a token whose account is not connected after all; the first reason is what is said."""
    try:
        yield
    except ConnectRefused:
        with suppress(ConnectRefused):
            release()
        raise


def tokens_in(told: Mapping[str, Any]) -> dict[str, str]:
    return {name: text_in(told, name, MAX_TOKEN_LENGTH) for name in ("access_token", "refresh_token")}


def ends_at(told: Mapping[str, Any]) -> datetime:
    seconds = number_in(told, "expires_in", maximum=10**7)
    return clock.now() + timedelta(seconds=seconds if seconds is not None else DEFAULT_LIFE_SECONDS)


def refreshed(send: Callable[[], Answer], held: Mapping[str, Any], ended: Collection[str]) -> Refreshed:
    """Change the refresh token for a new pair; where none comes with it, the one that was held stays.

    ``ended`` names the errors that end an account. Every other error that a server names is about our client
    or our clock, not about the account. Raises ``RefreshRefused``, ``RefreshUnclear`` and ``RefreshLater``.
    """
    try:
        answer = send()
    except NotReached as error:
        raise RefreshLater from error
    except NoAnswer as error:
        raise RefreshUnclear from error
    told = answer.fields()
    pair, name = {key: value for key, value in tokens_in(told).items() if value}, text_in(told, "error", 100)
    if answer.status == 200 and "access_token" in pair:
        return Refreshed({**held, **pair}, ends_at(told))
    if name in ended:
        raise RefreshRefused(name)
    if answer.status == 429 or (answer.status < 500 and name):  # TikTok refuses with 200.
        log.warning("a server refuses to refresh: %s", name)
        raise RefreshLater(name)
    raise RefreshUnclear
