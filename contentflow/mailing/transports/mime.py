"""The message as SMTP carries it: text and HTML side by side, pure ASCII on the wire."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from contentflow.mailing.messages import SUBJECT_LENGTH, Message, display_name, one_line

# Lines of headers and bodies stay ASCII: no server on the way needs 8BITMIME.
POLICY = SMTP.clone(cte_type="7bit")


def build(
    message: Message, sender_name: str, sender: str, to: str, delivery_id: str, now: datetime
) -> EmailMessage:
    """Return one mail to one recipient; its Message-ID is the delivery's id, the same at every try."""
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(display_name(message.sender_name or sender_name), addr_spec=sender)
    mail["To"] = Address(addr_spec=to)
    mail["Subject"] = one_line(message.subject)[:SUBJECT_LENGTH]
    mail["Date"] = now
    mail["Message-ID"] = f"<{delivery_id}@{sender.rpartition('@')[2]}>"
    if message.reply_to:
        mail["Reply-To"] = Address(addr_spec=message.reply_to)
    for name, value in message.headers.items():
        mail[name] = value
    mail.set_content(message.text, cte="quoted-printable")
    mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return mail
