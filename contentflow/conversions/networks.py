"""Affiliate networks, their encrypted secrets, and the rates of currencies."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from sqlalchemy import select

from contentflow.config import settings
from contentflow.conversions import amounts, mapping
from contentflow.conversions.errors import (
    NetworkExists,
    NoSecretBefore,
    NoToken,
    SecretWouldEnd,
    UnknownNetwork,
    UnknownPreset,
    WrongNetworkName,
    WrongRate,
)
from contentflow.conversions.models import CurrencyRate, Network
from contentflow.conversions.presets import GENERIC, PRESETS
from contentflow.core import audit, clock
from contentflow.core.db import db, transaction
from contentflow.core.encryption import decrypt, encrypt
from contentflow.core.ids import new_token

BOTH_VALID: Final = timedelta(days=30)  # while a secret is rotated
USE_NOTED: Final = timedelta(minutes=10)
NOBODYS: Final = "nobody's token, of the usual length here"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")  # It stands in an address and in a setting.


def add_network(name: str, actor: str, preset: str = GENERIC) -> tuple[Network, str]:
    """Add a network, its name in lower case, and return it with its secret, which is shown this once.

    Raises ``UnknownPreset``, ``WrongNetworkName`` and ``NetworkExists``.
    """
    name = name.lower()
    if preset not in PRESETS:
        raise UnknownPreset
    if not NAME.fullmatch(name):
        raise WrongNetworkName
    if db.session.scalar(select(Network.id).where(Network.name == name)) is not None:
        raise NetworkExists
    secret = new_token()
    network = Network(
        name=name,
        secret=encrypt(secret),
        token=encrypt(new_token()),
        preset=preset,
        mapping=dict(PRESETS[preset].mapping),
    )
    db.session.add(network)
    db.session.flush()
    audit.note(actor, "network.add", network.id)
    return network, secret


def find_network(name: str) -> Network | None:
    name = name.lower()
    if not NAME.fullmatch(name):
        return None
    return db.session.scalar(select(Network).where(Network.name == name))


def get_network(name: str) -> Network:
    network = find_network(name)
    if network is None:
        raise UnknownNetwork
    return network


def list_networks() -> list[Network]:
    return list(db.session.scalars(select(Network).order_by(Network.name)))


def list_rates() -> list[CurrencyRate]:
    return list(db.session.scalars(select(CurrencyRate).order_by(CurrencyRate.currency)))


def may_use_get(name: str) -> bool:
    """Whether ``NETWORK_<NAME>_ALLOW_GET`` is true; in the setting a hyphen is an underscore."""
    return name.lower().replace("-", "_") in settings().network_get


def secret_of(network: Network) -> str:
    return decrypt(network.secret)


def secrets_of(network: Network) -> list[str]:
    """Return the secrets that sign for a network: while one is rotated, the one before it too."""
    before = network.secret_before if is_rotating(network) else None
    return [decrypt(one) for one in (network.secret, before) if one]


def is_rotating(network: Network) -> bool:
    """Whether two secrets are good."""
    ends_at = before_ends_at(network)
    return ends_at is not None and clock.now() < ends_at


def before_ends_at(network: Network) -> datetime | None:
    """Return when the secret before ends by itself; None without one."""
    if network.secret_before is None or network.secret_rotated_at is None:
        return None
    return network.secret_rotated_at + BOTH_VALID


def note_use(network: Network, is_before: bool) -> None:
    """Keep when a secret last signed, to some minutes: each write would wait for the one before."""
    name, now = "secret_before_used_at" if is_before else "secret_used_at", clock.now()
    used_at = getattr(network, name)
    if used_at is None or not used_at <= now < used_at + USE_NOTED:
        setattr(network, name, now)


def is_token(network: Network | None, token: str) -> bool:
    """Whether a token is the network's, or was until it was rotated; in the same time for any other text."""
    sealed = [one for one in (network.token, network.token_before) if one] if network else []
    known = [decrypt(one) for one in sealed] or [NOBODYS]
    given = token.encode("utf-8", "replace")
    return bool(sum([hmac.compare_digest(one.encode(), given) for one in known])) and bool(sealed)


def address_of(network: Network) -> str:
    """Return the ready address, with the network's own macros as they are; raises ``NoToken``."""
    if network.token is None:
        raise NoToken
    fields = PRESETS[network.preset].macros
    base = f"{settings().public_base_url}/postback/{network.name}/{decrypt(network.token)}"
    # A macro is filled in as it stands: percent-encoded, no network would know it again.
    return base + (
        "?" + "&".join(f"{quote(name)}={macro}" for name, macro in fields.items()) if fields else ""
    )


def change_mapping(network: Network, lines: Mapping[str, str], actor: str) -> dict[str, str]:
    """Set lines of a network's mapping, or take out those without a value; raises ``WrongMapping``."""
    wanted = {**network.mapping, **lines}
    network.mapping = mapping.check_mapping({key: value for key, value in wanted.items() if value})
    db.session.flush()
    audit.note(actor, "network.map", network.id)
    return network.mapping


def rotate_token(network: Network, actor: str) -> None:
    """Give a network another token; the one before is good until the next rotation."""
    network.token_before, network.token = network.token, encrypt(new_token())
    db.session.flush()
    audit.note(actor, "network.rotate_token", network.id)


def ending_mark(network: Network) -> str:
    """Return what names the secret that another rotation would stop at once; "" where it stops none."""
    rotated_at = network.secret_rotated_at if is_rotating(network) else None
    return rotated_at.isoformat() if rotated_at else ""


def rotate_secret(network: Network, actor: str, reason: str = "", *, ends: str | None = None) -> str:
    """Give a network another signing secret and return it.

    The one before is good for 30 days more, until it is ended, or until the next rotation. ``ends`` is the
    ``ending_mark`` that somebody saw: raises ``SecretWouldEnd`` where another secret would be stopped. None
    stops whichever is there.
    """
    # Read anew and locked: a second press waits, and finds what the first one made.
    locked = select(Network).where(Network.id == network.id).with_for_update()
    db.session.scalar(locked.execution_options(populate_existing=True))
    if ends is not None and ends != ending_mark(network):
        raise SecretWouldEnd
    secret = new_token()
    network.secret_before, network.secret = network.secret, encrypt(secret)
    network.secret_rotated_at = clock.now()
    network.secret_before_used_at, network.secret_used_at = network.secret_used_at, None
    db.session.flush()
    audit.note(actor, "network.rotate_secret", network.id, reason=reason)
    return secret


def end_secret_before(network: Network, actor: str, reason: str = "") -> None:
    """Let the secret before sign no more. Raises ``NoSecretBefore``."""
    if network.secret_before is None:
        raise NoSecretBefore
    network.secret_before = network.secret_rotated_at = network.secret_before_used_at = None
    db.session.flush()
    audit.note(actor, "network.end_secret", network.id, reason=reason)


def end_old_secrets() -> None:
    """Maintenance: forget the secrets before that ended by themselves."""
    old = select(Network).where(Network.secret_rotated_at < clock.now() - BOTH_VALID)
    with transaction():
        for network in db.session.scalars(old):
            end_secret_before(network, "maintenance")


def retire(network: Network, actor: str, reason: str = "") -> None:
    """Let a network report no more: 404, whatever it sends; what it reported stays. Again: nothing more."""
    if network.retired_at is None:
        network.retired_at = clock.now()
        db.session.flush()
        audit.note(actor, "network.retire", network.id, reason=reason)


def set_rate(currency: str, text: str, actor: str) -> CurrencyRate:
    """Keep what one unit is worth in euros; conversions that came before keep the rate they met."""
    try:
        code, micros = amounts.currency_code(currency.upper()), amounts.rate_micros(text)
    except amounts.WrongAmount:
        raise WrongRate from None
    if code == amounts.EURO:
        raise WrongRate
    rate = db.session.get(CurrencyRate, code) or CurrencyRate(currency=code)
    rate.micros, rate.set_at = micros, clock.now()
    db.session.add(rate)
    db.session.flush()
    audit.note(actor, "rate.set", code)
    return rate


def rate_of(currency: str) -> int | None:
    """Return the rate in millionths of a euro; None where none was set."""
    if currency == amounts.EURO:
        return amounts.MICROS
    rate = db.session.get(CurrencyRate, currency)
    return None if rate is None else rate.micros
