"""Addresses of the network: is one public, and how a URL is taken apart without being fooled."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

# https://www.iana.org/assignments/iana-ipv4-special-registry; the relays of 6to4 are gone (RFC 7526).
_CLOSED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry: what is routed lies in 2000::/3, but for these.
_ROUTED_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFF_FFFF


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or by its address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Tell whether anybody on the internet may be at this address.

    ``ipaddress.is_global`` is not enough: mapped and NAT64 forms are judged by the IPv4 address inside
    them. Nobody's server has one of the tunnels, 6to4 (2002::/16, RFC 7526) or Teredo (2001::/32).
    """
    if isinstance(ip, IPv4Address):
        return not any(ip in block for block in _CLOSED_V4)
    if any(ip in block for block in _CLOSED_V6):
        return False
    inside = addresses_inside(ip)
    return all(is_public(address) for address in inside) if inside else ip in _ROUTED_V6


def addresses_inside(ip: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 one stands for; of Teredo the server, then the client."""
    if ip.ipv4_mapped is not None:
        return (ip.ipv4_mapped,)
    if ip.sixtofour is not None:
        return (ip.sixtofour,)
    if ip.teredo is not None:
        return ip.teredo
    return (IPv4Address(int(ip) & _LOW_32_BITS),) if ip in _NAT64 else ()


class UnreadableUrl(ValueError):
    """Programs disagree on what this URL means."""


_MISREAD = re.compile(r"[\s\x00-\x20\x7f-\xa0\\\ud800-\udfff]")


def split_url(url: str) -> SplitResult:
    """Split a URL; raises ``UnreadableUrl`` where readers differ: spaces, controls, backslashes, brackets."""
    if _MISREAD.search(url):
        raise UnreadableUrl
    try:
        return urlsplit(url)
    except ValueError as error:
        raise UnreadableUrl from error


def address_literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a resolver would make of this host without asking anybody; None for a name.

    Reads what ``inet_aton`` reads (``127.1``, ``0x7f.1``, ``2130706433``, ``0177.0.0.1``) and, as
    a browser does, circled or wide digits. Raises ``UnreadableUrl`` for hosts that are neither.
    """
    if ":" in host:
        try:
            return IPv6Address(host)
        except AddressValueError as error:
            raise UnreadableUrl from error
    try:
        # socket.getaddrinfo does the same to a name before it asks: what it would see is what is judged.
        plain = host.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise UnreadableUrl from error
    labels = plain.removesuffix(".").split(".")
    if not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        return None
    try:
        *heads, last = (_number(label) for label in labels)
        room = 256 ** (4 - len(heads))
    except ValueError as error:
        raise UnreadableUrl from error
    if len(heads) > 3 or any(head > 255 for head in heads) or last >= room:
        raise UnreadableUrl
    return IPv4Address(last + sum(head << (24 - 8 * place) for place, head in enumerate(heads)))


def _number(label: str) -> int:
    if len(label) > 16 or not label.isalnum():
        raise ValueError(label)
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") else 10)
