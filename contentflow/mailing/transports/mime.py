"""The message as SMTP carries it: text and HTML side by side, pure ASCII on the wire.

The header is written here, line by line: Python's ``email`` folds what is long into encoded words, also
addresses (https://github.com/python/cpython/issues/79986), and mail programs then find no
``List-Unsubscribe`` in it. Here only words are encoded or folded, never what holds an address.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from itertools import groupby

from contentflow.mailing.messages import Message, display_name, subject_line

# Bodies stay ASCII: no server on the way needs 8BITMIME.
POLICY = SMTP.clone(cte_type="7bit")
LINE_LENGTH = 76
MAX_LINE_LENGTH = 998  # RFC 5322, 2.1.1
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")


class Unsendable(Exception):
    """The message has no form that SMTP carries; the text names the header."""


def message_id(sender: str, delivery_id: str) -> str:
    """Return the ``Message-ID`` of a delivery, the same at every try."""
    return f"<{delivery_id}@{sender.rpartition('@')[2]}>"


def build(message: Message, sender_name: str, sender: str, to: str, delivery_id: str, now: datetime) -> bytes:
    """Return the bytes of one mail to one recipient; raises ``Unsendable``."""
    name = display_name(message.sender_name or sender_name)
    subject = subject_line(message.subject)
    lines = [
        _folded("From", [*_phrase(name), f"<{sender}>"]),
        _plain("To", to),
        _folded("Subject", _encoded(subject) if _needs_encoding(subject) else subject.split()),
        f"Date: {format_datetime(now)}",
        _plain("Message-ID", message_id(sender, delivery_id)),
    ]
    if message.reply_to:
        lines.append(_plain("Reply-To", message.reply_to))
    lines += [_plain(name, value) for name, value in message.headers.items()]
    parts = EmailMessage(policy=POLICY)
    parts.set_content(message.text, cte="quoted-printable")
    parts.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return "\r\n".join(lines).encode("ascii") + b"\r\n" + parts.as_bytes()


def _plain(name: str, value: str) -> str:
    """A header on one line, in clear: it holds an address, which must reach its recipient as it is."""
    return _checked(f"{name}: {value}", name)


def _folded(name: str, pieces: list[str]) -> str:
    """A header whose lines end between its pieces, where it is long, and never within one."""
    lines = [f"{name}:"]
    for number, piece in enumerate(pieces):
        if number and len(lines[-1]) + 1 + len(piece) > LINE_LENGTH:
            lines.append("")
        lines[-1] += f" {piece}"
    return "\r\n".join(_checked(line, name) for line in lines)


def _checked(line: str, name: str) -> str:
    if not line.isascii() or not line.isprintable() or len(line) > MAX_LINE_LENGTH:
        raise Unsendable(name)
    return line


def _phrase(name: str) -> list[str]:
    """A name before an address: each of its words in clear where it can be.

    Python reads a blank between two encoded words of a name that the writer did not mean.
    """
    words = name.split()
    if not _needs_encoding(name):
        return words if all(map(_is_atom, words)) else [f'"{name}"']
    pieces: list[str] = []
    for is_plain, run in groupby(words, _is_atom):
        found = list(run)
        pieces += found if is_plain else _encoded(" ".join(found))
    return pieces


def _is_atom(word: str) -> bool:
    return _ATOM.fullmatch(word) is not None and "=?" not in word


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or "=?" in text


def _encoded(text: str) -> list[str]:
    """Return encoded words (RFC 2047), each of which fits behind any header's name."""
    return Header(text, "utf-8", LINE_LENGTH - len("Subject: ")).encode().split("\n ")
