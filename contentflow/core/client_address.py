"""Whose address it is that a proxy or a socket names: one spelling for each, so that limits and hashes hold.

Proxies write ports (Azure's gateway: ``203.0.113.7:51234``), brackets and quotes
(``"[2001:db8::1]:443"``), upper case, zones and IPv4 inside IPv6. Pure; it asks nobody.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from contentflow.core.net import addresses_inside

# All whose address cannot be read are one client: what is garbage must never count as somebody new.
UNKNOWN: Final = "unknown"

_WRITTEN = re.compile(
    r"\[(?P<inside>[^\[\]]+)\](?::\d*)?|(?P<v4>(?:::ffff:)?\d+\.[\d.]+):\d*|(?P<bare>[^\[\]]+)",
    re.ASCII | re.IGNORECASE,
)
# Most addresses are written as they are: no more is asked of these than to be one.
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_PLAIN_V4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}", re.ASCII)
_NINTH_GROUP = re.compile(
    r"(?P<v6>(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|[0-9a-f:]+:(?:\d{1,3}\.){3}\d{1,3}):\d{1,5}",
    re.IGNORECASE | re.ASCII,
)


def client_address(written: str) -> str:
    """Return the address in its one canonical spelling, or ``UNKNOWN``.

    Port, brackets, quotes, blanks and zone are taken off; an IPv4 address inside an IPv6 one (mapped,
    NAT64, 6to4, the client's of Teredo) is that IPv4 address: all of IPv4 would be one /64 otherwise.
    """
    if _PLAIN_V4.fullmatch(written):
        return written
    found = _WRITTEN.fullmatch(written.strip(' \t"'))
    if found is None:
        return UNKNOWN
    bare = found["inside"] or found["v4"] or found["bare"]
    ninth = _NINTH_GROUP.fullmatch(
        bare
    )  # IIS: eight groups, or a mapped address, and a port without brackets.
    try:
        # A zone (RFC 4007) means something on the proxy's own machine only, and is any text.
        address = ip_address(ninth["v6"] if ninth else bare.partition("%")[0].strip())
    except ValueError:
        return UNKNOWN
    inside = addresses_inside(address) if isinstance(address, IPv6Address) else ()
    return str(inside[-1] if inside else address)


def subscriber_of(address: str) -> str:
    """Return what one subscriber has at least: an IPv4 address, or a /64 of IPv6.

    For whatever must not be had anew by taking another address: one line holds 2^64 of them, and
    phones change theirs by themselves (RFC 8981). ``address`` is one of ``client_address``.
    """
    return address if ":" not in address else str(ip_network((address, 64), strict=False))


def network_prefix(address: str) -> str:
    """Return the network block that an address is out of: its /24, or its /48."""
    if address == UNKNOWN:
        return UNKNOWN
    if ":" in address:
        return str(ip_network((address, 48), strict=False))
    return f"{address.rpartition('.')[0]}.0/24"
