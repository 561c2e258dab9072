"""The local mailbox: mails become rows to look at, where no mail service is set."""

from __future__ import annotations

from contentflow.config import Settings
from contentflow.core.db import transaction
from contentflow.core.writes import insert_missing
from contentflow.mailing.messages import Message, display_name, subject_line
from contentflow.mailing.models import CapturedMail
from contentflow.mailing.transports import SendOutcome


class Mailbox:
    name = "mailbox"
    knows_again = True

    def __init__(self, chosen: Settings) -> None:
        self._name = chosen.email_from_name
        self._address = chosen.email_from or "contentflow@localhost"

    def send(self, message: Message, to: str, delivery_id: str) -> SendOutcome:
        reply_to = {"Reply-To": message.reply_to} if message.reply_to else {}
        with transaction():
            insert_missing(
                CapturedMail,
                delivery_id=delivery_id,
                sender=f"{display_name(message.sender_name or self._name)} <{self._address}>",
                recipient=to,
                subject=subject_line(message.subject),
                text=message.text,
                html=message.html,
                headers={**message.headers, **reply_to},
            )
        return SendOutcome("captured")
