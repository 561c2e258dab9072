"""Affiliate networks, their sealed secrets, and the rates of currencies."""

from __future__ import annotations

import re

from sqlalchemy import select

from contentflow.config import settings
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.ids import new_token
from contentflow.core.sealing import seal, unseal
from contentflow.earnings import amounts
from contentflow.earnings.models import CurrencyRate, Network
from contentflow.earnings.refusals import NetworkExists, UnknownNetwork, WrongNetworkName, WrongRate

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def add_network(name: str, actor: str) -> tuple[Network, str]:
    """Add a network, its name in lower case, and return it with its secret, which is shown this once."""
    name = name.lower()
    if not NAME.fullmatch(name):
        raise WrongNetworkName
    if db.session.scalar(select(Network.id).where(Network.name == name)) is not None:
        raise NetworkExists
    secret = new_token()
    network = Network(name=name, secret=seal(secret))
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
    return unseal(network.secret)


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
