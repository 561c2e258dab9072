"""Whether all of a file is there, and open: its head says how long its parts are, and who may read them.

Boxes of MP4 and MOV: ISO/IEC 14496-12, 4.2. Elements of Matroska and WebM: RFC 8794, RFC 9559.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

from contentflow.pipeline.sniff import Kind

# What may stand at the top of a film; anything else after them is a recorder's own note, or rubbish.
_TOP = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"uuid", b"meta", b"mfra"}
_TOP |= {b"sidx", b"ssix", b"pdin", b"pnot", b"udta", b"prft", b"emsg"}
MAX_BOXES = 100_000
_SEGMENT = b"\x18\x53\x80\x67"
_MAX_HEAD = 4096
_TRACKS_END = 256 * 1024


def is_cut_off(source: Path, kind: Kind) -> bool:
    """Whether a part goes on behind the end of the file."""
    if kind in (Kind.WEBP, Kind.APNG):
        return is_cut_off_picture(source)
    size = source.stat().st_size
    with source.open("rb") as file:
        if kind is Kind.MP4:
            return _ends_within_a_box_or_without_an_index(file, size)
        return kind is Kind.MATROSKA and _ends_within_the_segment(file.read(_MAX_HEAD), size)


def _ends_within_a_box_or_without_an_index(file: BinaryIO, size: int) -> bool:
    at, has_index = 0, False
    for _ in range(MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return not has_index
        if head[4:8] not in _TOP:
            return False
        has_index = has_index or head[4:8] == b"moov"
        length = int.from_bytes(head[:4])
        if length == 1:
            length = int.from_bytes(head[8:16])
        if length < 8:  # 0: up to the end, wherever that is.
            return length == 0 and not has_index
        at += length
        if at > size:
            return True
    return False


def _ends_within_the_segment(head: bytes, size: int) -> bool:
    """What a browser or a stream recorded says no length, and promises nothing."""
    at = head.find(_SEGMENT)
    if at < 0 or at + 12 > len(head):
        return False
    at += len(_SEGMENT)
    width = 9 - head[at].bit_length()
    if width > 8:
        return False
    length = int.from_bytes(head[at : at + width]) & ((1 << 7 * width) - 1)
    is_unknown = length == (1 << 7 * width) - 1
    return not is_unknown and at + width + length > size


# ContentEncodings, in it ContentEncoding, in it ContentEncryption; each is followed by its length.
_LOCKS = re.compile(rb"\x6d\x80.{1,8}?\x62\x40.{1,48}?\x50\x35", re.S)


def is_locked(source: Path, kind: Kind) -> bool:
    """Whether a Matroska or WebM says that it is encrypted; an MP4 says it with its packets."""
    if kind is not Kind.MATROSKA:
        return False
    with source.open("rb") as file:
        return _LOCKS.search(file.read(_TRACKS_END)) is not None


def is_cut_off_picture(picture: Path) -> bool:
    """Whether a PNG, JPEG or WebP lacks its end; decoders fill what is missing with grey."""
    with picture.open("rb") as file:
        head = file.read(12)
        if head.startswith(b"RIFF"):
            return int.from_bytes(head[4:8], "little") + 8 > file.seek(0, os.SEEK_END)
        if head.startswith(b"\x89PNG"):
            return not _goes_on_to(file, b"IEND")
        return not (_find_scan(file) and _goes_on_to(file, b"\xff\xd9"))


def _find_scan(file: BinaryIO) -> bool:
    """Go to where the picture itself begins: a small one among a camera's notes has an end, too."""
    file.seek(2)
    for _ in range(MAX_BOXES):
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return False
        if head[1] == 0xDA:
            return True
        file.seek(int.from_bytes(head[2:]) - 2, os.SEEK_CUR)
    return False


def _goes_on_to(file: BinaryIO, mark: bytes) -> bool:
    before = b""
    while block := file.read(1 << 20):
        if mark in before + block:
            return True
        before = block[-len(mark) :]
    return False
