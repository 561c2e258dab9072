"""Who signed a postback, and when."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from contentflow.core.signature import is_signed, sign

BODY = b'{"transaction":"T1"}'
NOW = 1_800_000_000


def checked(
    header: str,
    *,
    secret: str = "s3cret",
    now: int = NOW,
    method: str = "POST",
    path: str = "/postback/awin",
    body: bytes = BODY,
) -> bool:
    return is_signed(secret, header, now, method, path, body)


def test_the_signature_is_the_documented_one():
    expected = hmac.new(b"s3cret", f"{NOW}.POST./postback/awin.".encode() + BODY, hashlib.sha256).hexdigest()

    assert sign("s3cret", NOW, "POST", "/postback/awin", BODY) == f"t={NOW},v1={expected}"
    assert checked(f"t={NOW},v1={expected}")


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": "other"},
        {"now": NOW + 301},
        {"now": NOW - 301},
        {"method": "GET"},
        {"path": "/postback/other"},
        {"body": BODY + b" "},
    ],
)
def test_whatever_was_not_signed_is_refused(changed: dict[str, object]):
    assert not checked(sign("s3cret", NOW, "POST", "/postback/awin", BODY), **changed)  # type: ignore[arg-type]


def test_it_holds_for_300_seconds_either_way():
    header = sign("s3cret", NOW, "POST", "/postback/awin", BODY)

    assert checked(header, now=NOW + 300)
    assert checked(header, now=NOW - 300)


@pytest.mark.parametrize(
    "header", ["", "t=1", "v1=00", "t=x,v1=00", "t=1,t=2,v1=00", "t=1;v1=00", "é", "t=1,v1=00,"]
)
def test_a_header_that_is_not_whole_is_refused(header: str):
    assert not checked(header)


def test_two_signatures_may_stand_there_while_a_secret_changes():
    right = sign("s3cret", NOW, "POST", "/postback/awin", BODY).partition(",")[2]

    assert checked(f"t={NOW},v1={'0' * 64},{right}")
