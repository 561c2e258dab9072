from __future__ import annotations

import pytest

from contentflow.mailing.disposable import is_disposable


@pytest.mark.parametrize(
    "domain", ["yopmail.com", "mailinator.com", "jetable.org", "alice.yopmail.com", "yopmail.fr."]
)
def test_a_throw_away_domain_and_what_lies_below_it_is_disposable(domain):
    assert is_disposable(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "gmail.com",
        "laposte.net",
        "orange.fr",
        "free.fr",
        "proton.me",
        "example.org",
        "notyopmail.com",
        "com",
        "",
    ],
)
def test_a_domain_that_people_keep_is_not_disposable(domain):
    assert not is_disposable(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "duck.com",
        "mozmail.com",
        "privaterelay.appleid.com",
        "simplelogin.com",
        "anonaddy.com",
        "passmail.net",
    ],
)
def test_a_forwarding_service_is_not_disposable(domain):
    assert not is_disposable(domain)
