"""A message ready to leave: what a composer hands to the transports."""

from __future__ import annotations

from dataclasses import dataclass, field

NAME_LENGTH = 100
SUBJECT_LENGTH = 200


@dataclass(frozen=True)
class Message:
    """``headers`` go out beside those of the transport; ``sender_name`` empty: the programme's."""

    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    sender_name: str = ""
    tags: tuple[str, ...] = ()
    reply_to: str = ""


def one_line(text: str) -> str:
    """Return ``text`` fit for a header: no control character, no line break, blanks folded."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def display_name(text: str) -> str:
    """Return a name that stays one name in every mail program: no quotes, brackets or @ either."""
    return one_line("".join(" " if letter in '"<>()[]@,;:\\' else letter for letter in text))[:NAME_LENGTH]
