"""A message ready to leave: what a composer hands to the transports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from contentflow import unseen
from contentflow.core.graphemes import cut

# Brevo takes no more in sender.name: https://developers.brevo.com/reference/sendtransacemail
NAME_LENGTH = 70
SUBJECT_LENGTH = 200

# Controls, odd line ends, lone surrogates and noncharacters cannot stand in a header.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# What turns the reading direction of all that follows, and marks that say nothing within a line.
_TURNS = re.compile(r"[\u202a-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb]")


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
    """Return ``text`` fit for a header: no control, no line break, blanks folded; joiners stay.

    👩‍💻 is two pictures and a joiner that nobody sees; Persian and Malayalam are spelt with joiners.
    """
    return unseen.trimmed(" ".join(_TURNS.sub("", _BREAKS.sub(" ", text)).split()))


def subject_line(text: str) -> str:
    return cut(one_line(text), SUBJECT_LENGTH)


def display_name(text: str, most: int = NAME_LENGTH) -> str:
    """Return a name that stays one name in every mail program: no quotes, brackets or @ either.

    One that is longer than ``most`` ends with “…”.
    """
    name = one_line("".join(" " if letter in '"<>()[]@,;:\\' else letter for letter in text))
    return name if cut(name, most) == name else cut(name, most - 1).rstrip() + "…"
