"""A click as it waits in a journal: one line, with its length and its checksum.

``<length, 4 hex digits> <CRC-32, 8 hex digits> <fields, separated by tabs>``. No line holds an address, an
agent string or a cookie: what a verdict needs of them is hashed under the day's key.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from zlib import crc32

from contentflow.core.ids import is_id
from contentflow.links.verdicts import Verdict

MAX_LINE: Final = 1024
_VERSION: Final = "1"
_HEAD: Final = 14  # length, blank, checksum, blank
_VERDICTS: Final = frozenset(map(str, Verdict))


class JournaledClick(NamedTuple):
    """``verdict`` is provisional when it is ``valid``: the clicks before it may make it another.

    ``at_us`` is microseconds since 1970. The ``earlier`` hashes are the same visitor's and address's under
    yesterday's key, in the first hour of a day. Hashes are empty where nothing was hashed.
    """

    id: str
    at_us: int
    verdict: str
    agent_class: str
    is_attributed: bool
    visitor_hash: str = ""
    earlier_hash: str = ""
    ip_hash: str = ""
    earlier_ip_hash: str = ""
    block_hash: str = ""


class NotAClick(Exception):
    """A line that no click can be read from: torn in writing, or spoilt on the disk."""


def to_line(click: JournaledClick) -> bytes:
    fields = "\t".join(
        (_VERSION, click[0], str(click[1]), click[2], click[3], "1" if click[4] else "0", *click[5:])
    ).encode()
    return b"%04x %08x %b\n" % (len(fields), crc32(fields), fields)


def from_line(line: bytes) -> JournaledClick:
    """Read a line, without the line's end; raises ``NotAClick``."""
    fields = line[_HEAD:]
    if line[:_HEAD] != b"%04x %08x " % (len(fields), crc32(fields)):
        raise NotAClick
    try:
        version, click_id, at_us, verdict, agent_class, is_attributed, *hashes = fields.decode("ascii").split(
            "\t"
        )
        click = JournaledClick(click_id, int(at_us), verdict, agent_class, is_attributed == "1", *hashes)
    except (ValueError, TypeError) as error:
        raise NotAClick from error
    if version != _VERSION or verdict not in _VERDICTS or not is_id(click_id):
        raise NotAClick
    return click
