"""What a token server's answer to a refresh means, whichever platform gave it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from contentflow.core.outbound import Answer, NoAnswer, NotReached
from contentflow.publishing.oauth import ConnectRefused, RefreshLater, RefreshRefused, RefreshUnclear
from contentflow.publishing.token_answers import must_answer, refreshed, revoked

HELD = {"access_token": "access-0", "refresh_token": "refresh-0", "key": "kept"}
ENDED = ("invalid_grant",)
NOW = "2026-11-28T12:00:00+00:00"


def told(status: int, fields: Any) -> Answer:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return Answer(status=status, headers={}, body=body)


@pytest.mark.parametrize(
    ("fields", "refresh_token", "seconds"),
    [
        ({"access_token": "a", "refresh_token": "r", "expires_in": 60}, "r", 60),
        ({"access_token": "a", "expires_in": 3_600}, "refresh-0", 3_600),
        ({"access_token": "a", "refresh_token": "", "expires_in": 10**9}, "refresh-0", 300),
        ({"access_token": "a", "refresh_token": 7, "expires_in": "soon"}, "refresh-0", 300),
        ({"access_token": "a", "error": "invalid_grant"}, "refresh-0", 300),
    ],
)
def test_a_new_pair_is_taken_and_an_empty_refresh_token_never_overwrites_one(
    fields: dict[str, Any], refresh_token: str, seconds: int
) -> None:
    with time_machine.travel(NOW, tick=False):
        found = refreshed(lambda: told(200, fields), HELD, ENDED)

    assert found.tokens == {"access_token": "a", "refresh_token": refresh_token, "key": "kept"}
    assert found.expires_at == datetime.fromisoformat(NOW) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "fields", "error"),
    [
        (400, {"error": "invalid_grant"}, RefreshRefused),
        (200, {"error": "invalid_grant"}, RefreshRefused),
        (500, {"error": "invalid_grant"}, RefreshRefused),
        (400, {"error": "invalid_client"}, RefreshLater),
        (401, {"error": "use_dpop_nonce"}, RefreshLater),
        (404, {"error": "not_found"}, RefreshLater),
        (200, {"error": "rate_limit_exceeded"}, RefreshLater),
        (429, b"", RefreshLater),
        (400, b"<html>", RefreshUnclear),
        (200, {}, RefreshUnclear),
        (200, b'{"access_token": "a', RefreshUnclear),
        (201, {"access_token": "a"}, RefreshUnclear),
        (500, {"error": "server_error"}, RefreshUnclear),
        (503, b"", RefreshUnclear),
    ],
)
def test_only_named_errors_end_an_account(status: int, fields: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        refreshed(lambda: told(status, fields), HELD, ENDED)


@pytest.mark.parametrize(("raised", "error"), [(NotReached, RefreshLater), (NoAnswer, RefreshUnclear)])
def test_no_answer_is_unclear_and_no_connection_is_not(
    raised: type[Exception], error: type[Exception]
) -> None:
    def send() -> Answer:
        raise raised

    with pytest.raises(error):
        refreshed(send, HELD, ENDED)


@pytest.mark.parametrize("raised", [NotReached, NoAnswer])
def test_who_does_not_answer_is_not_connected(raised: type[Exception]) -> None:
    with pytest.raises(ConnectRefused, match="unreachable"), must_answer():
        raise raised


@pytest.mark.parametrize(
    ("status", "is_heard"), [(200, True), (204, True), (400, True), (401, True), (429, False), (503, False)]
)
def test_a_revocation_that_a_server_was_too_busy_to_hear_is_told_again(status: int, is_heard: bool) -> None:
    if is_heard:
        return revoked(lambda: told(status, {}))
    with pytest.raises(ConnectRefused, match="unreachable"):
        revoked(lambda: told(status, {}))
