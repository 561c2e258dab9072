"""Where a person's clicks on a link stand in an index: under a number that begins with their time.

The clicks of some minutes stand together there, in a fraction of the pages that hashes would take. Two
persons may share a number: whose a click is, its row tells. Pure.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
# Of an hour around a click, mostly one period is looked into.
_VISITOR_PERIOD_US: Final = 6 * HOUR_US
_CRC_BITS: Final = 32
# The seconds of an address's minute are in its numbers, so that the newest of very many clicks are the last.
MINUTE_NUMBERS: Final = 64
_IP_BITS: Final = 30
_SECONDS: Final = 60 << 27  # 255 years, then numbers begin anew: more has no place in 63 bits.


def visitor_lookup(link_id: str, visitor_hash: str, at_us: int) -> int:
    """Return the number of a visitor's click on a link, at so many microseconds since 1970."""
    return at_us // _VISITOR_PERIOD_US << _CRC_BITS | _crc(link_id, visitor_hash)


def visitor_lookups(link_id: str, visitor_hash: str, at_us: int) -> set[int]:
    """Return the numbers of the visitor's clicks on the link within an hour of ``at_us``."""
    crc = _crc(link_id, visitor_hash)
    around = (at_us - HOUR_US, at_us + HOUR_US)
    return {time // _VISITOR_PERIOD_US << _CRC_BITS | crc for time in around}


def ip_lookup(link_id: str, ip_hash: str, at_us: int) -> int:
    """Return the number of an address's click on a link: the minute, whose it is, and the second in it."""
    minute, second = divmod(at_us // SECOND_US % _SECONDS, 60)
    person = _crc(link_id, ip_hash) >> _CRC_BITS - _IP_BITS
    return (minute << _IP_BITS | person) * MINUTE_NUMBERS | second


def ip_lookups(link_id: str, ip_hash: str, at_us: int) -> set[int]:
    """Return from which numbers on, ``MINUTE_NUMBERS`` of them each, the address's clicks on the link stand.

    It is those of the minute of ``at_us`` and of the one before.
    """
    newest = ip_lookup(link_id, ip_hash, at_us) & -MINUTE_NUMBERS
    return {newest, newest - (MINUTE_NUMBERS << _IP_BITS)}


def _crc(link_id: str, hash_: str) -> int:
    return crc32(f"{link_id}{hash_}".encode())
