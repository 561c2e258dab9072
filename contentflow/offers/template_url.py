"""An offer's URL: where visitors are sent, with places for what the advertiser must learn."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Final
from urllib.parse import quote

from flask_babel import lazy_gettext as _l

from contentflow import invisibles
from contentflow.core.errors import Refused
from contentflow.core.net import UnreadableUrl, split_url

PLACEHOLDERS: Final = ("click_id", "partner_id", "submission_id", "channel")
MAX_LENGTH = 2048

_MARK: Final = secrets.token_hex(12)  # Stands for a value until there is one.
_PLACEHOLDER = re.compile(r"\{(click_id|partner_id|submission_id|channel)\}")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
# IDNA 2003 and 2008 make different sites of these.
_DISPUTED = re.compile(r"[ßς\u200c\u200d]")
# What may stand in a URL as it is (RFC 3986); "%" too, or what is encoded would be encoded twice.
_SAFE = "%/:?#[]@!$&'()*+,;=-._~"


class TemplateProblem(StrEnum):
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    SCHEME = "scheme"
    CREDENTIALS = "credentials"
    HOST = "host"
    PORT = "port"
    BRACES = "braces"
    BRACES_IN_HOST = "braces_in_host"


class WrongTemplate(Refused, ValueError):
    message = _l(
        "L’adresse d’une offre commence par https://, tient en 2 048 caractères et n’a pas d’autres "
        "accolades que {click_id}, {partner_id}, {submission_id} et {channel}, placées après le nom du site."
    )

    def __init__(self, reason: TemplateProblem) -> None:
        super().__init__(reason.value)
        self.reason = reason


def check_template(url: str) -> str:
    """Return the URL without the blanks and invisible characters of a paste; raises ``WrongTemplate``."""
    url = invisibles.strip_value(url)
    if len(url) > MAX_LENGTH:
        raise WrongTemplate(TemplateProblem.TOO_LONG)
    if re.search(r"[{}]", _PLACEHOLDER.sub("", url)):
        raise WrongTemplate(TemplateProblem.BRACES)
    try:
        parts = split_url(url)
    except UnreadableUrl as error:
        raise WrongTemplate(TemplateProblem.UNREADABLE) from error
    if parts.scheme != "https":
        raise WrongTemplate(TemplateProblem.SCHEME)
    if "{" in parts.netloc:
        raise WrongTemplate(TemplateProblem.BRACES_IN_HOST)
    if "@" in parts.netloc:
        raise WrongTemplate(TemplateProblem.CREDENTIALS)
    if not _is_host(parts.hostname or ""):
        raise WrongTemplate(TemplateProblem.HOST)
    try:
        has_port = parts.port != 0
    except ValueError:
        has_port = False
    if not has_port:
        raise WrongTemplate(TemplateProblem.PORT)
    return url


def _is_host(host: str) -> bool:
    if ":" in host:  # An IPv6 literal, which urlsplit has read.
        return True
    if _DISPUTED.search(host):
        return False
    try:
        ascii_host = _ascii_host(host)
    except UnicodeError:
        return False
    return len(ascii_host) <= 253 and _HOST.fullmatch(ascii_host) is not None


def fill(url: str, *, click_id: str, partner_id: str, submission_id: str, channel: str) -> str:
    """Return where to send a visitor: a checked template, filled, in ASCII as a Location header needs it.

    Each value is percent-encoded whole; braces in a value stay a value's.
    """
    values = {
        "click_id": click_id,
        "partner_id": partner_id,
        "submission_id": submission_id,
        "channel": channel,
    }
    if not all(values.values()):  # What is empty may leave a "?" with nothing behind it.
        return _filled(url, values)
    return _joined(url, tuple(values[name] for name in _pieces(url)[1::2]))


@lru_cache(1_000)
def _joined(url: str, values: tuple[str, ...]) -> str:
    """Fill places in their order. Links of a template that names none of their ids share one string."""
    names = [quote(value, safe="") for value in values]
    return "".join(chain.from_iterable(zip_longest(_pieces(url)[::2], names, fillvalue="")))


@lru_cache(1_000)
def _pieces(url: str) -> tuple[str, ...]:
    """Return what stands around a template's places, and between two pieces the place's name."""
    marks = {name: f"{_MARK}{number}" for number, name in enumerate(PLACEHOLDERS)}
    cut = re.split(f"{_MARK}([0-9])", _filled(url, marks))
    return tuple(PLACEHOLDERS[int(piece)] if at % 2 else piece for at, piece in enumerate(cut))


def _filled(url: str, values: Mapping[str, str]) -> str:
    parts = split_url(_PLACEHOLDER.sub(lambda place: quote(values[place[1]], safe=""), url))
    host = parts.netloc
    if not host.isascii():
        host = _ascii_host(parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    return quote(parts._replace(netloc=host).geturl(), safe=_SAFE)


def domain(url: str) -> str:
    """Return the site that a checked template leads to, as people read it: without ``www.``, in Unicode."""
    host = split_url(url).hostname or ""
    with suppress(UnicodeError):  # Where it stands in Unicode already.
        host = host.encode("ascii").decode("idna")
    return host.removeprefix("www.")


def _ascii_host(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode("ascii")
