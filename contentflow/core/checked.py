"""Connections to hosts that a person typed: each name is resolved here and every address of it judged.

The connection goes to the very address that was checked, so a name that changes its address between check
and use (rebinding) gains nothing.
"""

from __future__ import annotations

from ipaddress import ip_address

from contentflow.core.deadline import AddressInfo, Deadline, resolve
from contentflow.core.net import is_public

MAX_ADDRESSES = 3  # A host that is down in one place answers in another.


class UnknownHost(Exception):
    """The name service knows no such host, or did not answer in time."""


class PrivateAddress(Exception):
    """At least one address of the host is not public."""


def checked_addresses(host: str, port: int, deadline: Deadline) -> list[AddressInfo]:
    """Resolve a host; raises ``UnknownHost``, or ``PrivateAddress`` unless every address is public."""
    try:
        found = resolve(host, port, deadline)
    except (OSError, ValueError) as error:
        raise UnknownHost from error
    if not all(is_public(ip_address(str(entry[4][0]).partition("%")[0])) for entry in found):
        raise PrivateAddress
    return found[:MAX_ADDRESSES]
