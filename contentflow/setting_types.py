"""How the text of a setting becomes a value; a ``ValueError`` says what is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import idna
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from contentflow import invisibles

Parser = Callable[[str], Any]


def setting(parse: Parser, default: str, meaning: str) -> Any:
    return field(metadata={"parse": parse, "default": default, "meaning": meaning})


def boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"true", "1", "yes", "on"}:
        return True
    if lowered in {"false", "0", "no", "off"}:
        return False
    raise ValueError("true or false")


def integer(low: int, high: int) -> Parser:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\s*[0-9]{1,9}\s*", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def optional_integer(text: str) -> int | None:
    return int(integer(1, 100_000_000)(text)) if text.strip() else None


def share(text: str) -> int:
    """A fraction such as 0.40 becomes basis points: 4000."""
    try:
        points = Decimal(text.strip()) * 10_000
    except InvalidOperation:
        points = Decimal(-1)
    if not points.is_finite() or points != points.to_integral_value() or not 0 <= points <= 10_000:
        raise ValueError("a fraction from 0 to 1 with at most four decimals, such as 0.40")
    return int(points)


def choice(*choices: str) -> Parser:
    def parse(text: str) -> str:
        if text.strip() not in choices:
            raise ValueError("one of: " + ", ".join(choice or "empty" for choice in choices))
        return text.strip()

    return parse


def line(high: int) -> Parser:
    def parse(text: str) -> str:
        if len(text) > high or any(ord(letter) < 32 for letter in text):
            raise ValueError(f"one line of at most {high} characters")
        return invisibles.trim(text)

    return parse


def delays(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,5}", part) for part in parts) or len(parts) > 20:
        raise ValueError("seconds separated by commas, such as 5,20,60,180")
    return tuple(int(part) for part in parts)


def url(*schemes: str) -> Parser:
    def parse(text: str) -> str:
        text = invisibles.strip_value(text).rstrip("/")
        try:
            parts = urlsplit(text)
            usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if text and not usable:
            known = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"a URL that starts with {known} and has a host; a port is 1 to 65535")
        return text

    return parse


def public_url(text: str) -> str:
    """Return scheme and host as browsers send them: in lower case and ASCII, without the usual port."""
    base = str(url("http", "https")(text))
    if not base:
        return ""
    parts = urlsplit(base)
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("scheme and host only, such as https://share.example.org")
    usual = 443 if parts.scheme == "https" else 80
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return f"{parts.scheme}://{in_url(_ascii_host(parts.hostname or ''))}{port}"


def in_url(host: str) -> str:
    """Return a host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"  # RFC 1035, 2.3.4


def _ascii_host(host: str) -> str:
    """Return a host as it stands in the ``Host`` header, or raise ``ValueError``.

    Accents become punycode (UTS 46, as browsers do it), and an IPv6 address its shortest form.
    """
    if ":" in host:
        if "%" in host:
            raise ValueError("an address without a zone: browsers take none")
        return ip_address(host).compressed
    try:
        host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"a host name ({error})") from None
    if not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*\.?", host):
        raise ValueError("a host name of letters, digits, hyphens and dots")
    return host.removesuffix(".")


def listening_host(text: str) -> str:
    """Return the address to listen on; brackets around IPv6 are taken off."""
    host = text.strip()
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not re.fullmatch(r"[0-9A-Za-z_.-]{1,255}|[0-9A-Fa-f:.]{2,45}(%[0-9A-Za-z_.-]{1,15})?", host):
        raise ValueError("an address or name of this machine, such as 127.0.0.1 or ::1")
    if ":" in host:
        ip_address(host)
    return host


def database_url(text: str) -> str:
    text = text.strip()
    try:
        known = re.match(r"(postgres|postgresql|postgresql\+psycopg|sqlite)://", text) and make_url(text)
    except (ArgumentError, ValueError):
        known = None
    if text and known is None:
        raise ValueError("postgresql://… or sqlite:///…")
    return re.sub(r"^(postgres|postgresql)://", "postgresql+psycopg://", text)


def huey_url(text: str) -> str:
    text = text.strip()
    try:
        is_known = re.match(r"(rediss?|postgres(ql)?)://", text) is not None and urlsplit(text).port != 0
    except ValueError:
        is_known = False
    if text and not is_known:
        raise ValueError("empty for SQLite, redis://… or postgresql://…")
    return text


def bucket_url(text: str) -> str:
    """Names that every service takes, and that stand in a URL as they are."""
    text = text.strip().rstrip("/")
    folders = r"(/[A-Za-z0-9!_*'()-][A-Za-z0-9!_.*'()-]{0,99}){0,8}"
    if text and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]" + folders, text):
        raise ValueError("s3://bucket or s3://bucket/prefix, of letters, digits, hyphens, dots and slashes")
    return text


def endpoint_url(text: str) -> str:
    address = str(url("http", "https")(text))
    parts = urlsplit(address)
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("an address without credentials or “?”, such as https://s3.example.org")
    return address


def address(text: str) -> str:
    """Return the address as every mail server takes it: a domain beyond ASCII in its ASCII form (IDNA)."""
    text = invisibles.strip_value(text)
    if not text:
        return ""
    local, _, domain = text.rpartition("@")
    try:
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        domain = ""
    address = f"{local}@{domain}"
    is_usable = re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\".]+(\.[^@\s<>\".]+)+", address)
    if not is_usable or not address.isascii() or not address.isprintable() or len(address) > 254:
        raise ValueError("an e-mail address, with nothing but ASCII before its @")
    return address


def keys(text: str) -> tuple[str, ...]:
    keys = tuple(key for key in map(invisibles.trim, text.split(",")) if key)
    if any(len(key) < 8 for key in keys):
        raise ValueError("keys of at least 8 characters, the newest first, separated by commas")
    return keys


def bearer_tokens(text: str) -> tuple[str, ...]:
    tokens = tuple(token for token in map(invisibles.trim, text.split(",")) if token)
    if len(tokens) > 2 or not all(re.fullmatch("[!-~]{1,200}", token) for token in tokens):
        raise ValueError("one token, or two separated by a comma, of visible ASCII characters")
    return tokens


def passphrase(text: str) -> str:
    text = text.strip()
    if text and len(text) < 8:
        raise ValueError("at least 8 characters")
    return text


def network_names(text: str) -> frozenset[str]:
    return frozenset(name for name in text.split(",") if name)


def origins(text: str) -> frozenset[str]:
    """Return ``scheme://host[:port]`` of each entry, as ``core.outbound.origin_of`` spells it."""
    return frozenset(map(public_url, text.replace(",", " ").split()))


def path(text: str) -> Path:
    return Path(text.strip()).expanduser()
