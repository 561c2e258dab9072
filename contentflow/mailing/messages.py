"""A message ready to leave: what a composer hands to the transports."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Message:
    """``headers`` go out beside those of the transport; ``sender_name`` empty: the programme's."""

    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    sender_name: str = ""
    tags: tuple[str, ...] = ()
