"""Brevo's transactional API, https://developers.brevo.com/reference/sendtransacemail

The delivery's id is the ``idempotencyKey`` of every try: Brevo makes one message of them. What each
answer means stands in SAFETY.md, “Brevo's answers”.
"""

from __future__ import annotations

from typing import Any

from contentflow.config import Settings
from contentflow.core import outbound
from contentflow.mailing.messages import Message, display_name, subject_line
from contentflow.mailing.transports import Outcome

DAY = 86_400


class Brevo:
    name = "brevo"
    knows_again = True

    def __init__(self, chosen: Settings) -> None:
        self._settings = chosen

    def send(self, message: Message, to: str, delivery_id: str) -> Outcome:
        chosen = self._settings
        try:
            answer = outbound.post_json(
                f"{chosen.brevo_api_url}/smtp/email",
                self._payload(message, to, delivery_id),
                {"api-key": chosen.brevo_api_key, "Accept": "application/json"},
                chosen.mail_timeout_seconds,
            )
        except outbound.NotReached as error:
            return Outcome("rest", f"Brevo: {error}", wait_seconds=chosen.mail_retry_seconds[0])
        except outbound.NoAnswer as error:
            return Outcome("unsure", f"Brevo: {error}")
        return self._outcome(answer)

    def _payload(self, message: Message, to: str, delivery_id: str) -> dict[str, Any]:
        name = display_name(message.sender_name or self._settings.email_from_name)
        reply_to = {"replyTo": {"email": message.reply_to}} if message.reply_to else {}
        tags = {"tags": list(message.tags)} if message.tags else {}
        return {
            "sender": {"email": self._settings.email_from, "name": name},
            "to": [{"email": to}],
            "subject": subject_line(message.subject),
            "htmlContent": message.html,
            "textContent": message.text,
            "headers": {**message.headers, "idempotencyKey": delivery_id},
            **reply_to,
            **tags,
        }

    def _outcome(self, answer: outbound.Answer) -> Outcome:
        said = f"Brevo {answer.status}{_code_in(answer)}"
        if answer.status in {401, 402}:
            return Outcome("rest", said, wait_seconds=self._settings.mail_pause_seconds)
        if answer.status == 429:
            return Outcome("rest", said, wait_seconds=self._reset_of(answer))
        if answer.status in {200, 201, 202}:
            message_id = _message_id_in(answer)
            return Outcome("sent", message_id=message_id) if message_id else Outcome("unsure", said)
        return Outcome("failed" if 400 <= answer.status < 500 and answer.status != 408 else "unsure", said)

    def _reset_of(self, answer: outbound.Answer) -> float:
        """Seconds until Brevo takes mail again; what cannot be read means the usual pause."""
        text = answer.headers.get("x-sib-ratelimit-reset", "").strip()
        if text.isascii() and text.isdigit() and int(text[:9]) <= DAY:
            return float(text)
        return self._settings.mail_pause_seconds


def _message_id_in(answer: outbound.Answer) -> str:
    found = answer.json()
    if not isinstance(found, dict):
        return ""
    message_id = found.get("messageId") or next(iter(_listed(found.get("messageIds"))), "")
    return message_id if isinstance(message_id, str) else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _code_in(answer: outbound.Answer) -> str:
    """Brevo's own short code, such as ``invalid_parameter``; its message may hold the address."""
    found = answer.json()
    code = found.get("code") if isinstance(found, dict) else None
    is_plain = isinstance(code, str) and code.replace("_", "").isalnum() and len(code) <= 64
    return f" {code}" if is_plain else ""
