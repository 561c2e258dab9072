"""Brevo's transactional API, https://developers.brevo.com/reference/sendtransacemail

A UUID made from the delivery's id is the ``idempotencyKey`` of every try: Brevo makes one message of
them, and answers a key that was used with 400 ``duplicate_parameter``
(https://developers.brevo.com/docs/heterogenous-versions-batch-emails). A refusal of the account stops
all mail; only 400 and 422 about the message itself make it ``failed``.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid5

from contentflow.config import Settings
from contentflow.core import outbound
from contentflow.mailing.messages import Message, display_name, subject_line
from contentflow.mailing.transports import Outcome

DAY = 86_400
# Ours, and never to change: another one would make a second message of a mail under way.
NAMESPACE = UUID("23a9006e-2b3c-48c7-94f4-fa353012ca1c")
KEY_IS_USED = {"duplicate_parameter", "duplicate_request"}
ABOUT_THE_ACCOUNT = {
    "account_under_validation",
    "document_not_found",
    "method_not_allowed",
    "not_enough_credits",
    "permission_denied",
    "reseller_permission_denied",
    "unauthorized",
}
# The request met another one like it, or went on elsewhere: it may have been accepted.
PERHAPS_ACCEPTED = {303, 409, 425}


def idempotency_key(delivery_id: str) -> str:
    """Return the key of a delivery, the same over every claim, retry and restart."""
    return str(uuid5(NAMESPACE, delivery_id))


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
            "headers": {**message.headers, "idempotencyKey": idempotency_key(delivery_id)},
            **reply_to,
            **tags,
        }

    def _outcome(self, answer: outbound.Answer) -> Outcome:
        status, code = answer.status, _code_in(answer)
        said = f"Brevo {status} {code}".strip()
        if 200 <= status < 300:
            message_id = _message_id_in(answer)
            return Outcome("sent", message_id=message_id) if message_id else _cut_off(said)
        if status in {400, 422}:
            return self._of_refused(answer, code, said)
        if status == 429:
            return Outcome("rest", said, wait_seconds=self._reset_of(answer))
        if status == 408 or not 300 <= status < 500:
            return Outcome("unsure", said)
        return self._rest(said, uses_try=status not in {401, 402}, may_have_left=status in PERHAPS_ACCEPTED)

    def _of_refused(self, answer: outbound.Answer, code: str, said: str) -> Outcome:
        if code in KEY_IS_USED:
            return Outcome("taken", said)
        # Without a code of Brevo's it is said by something between: nothing about the message.
        if not code or code in ABOUT_THE_ACCOUNT or _names_the_sender(answer):
            return self._rest(said, uses_try=True)
        return Outcome("failed", said)

    def _rest(self, said: str, uses_try: bool, may_have_left: bool = False) -> Outcome:
        wait_seconds = self._settings.mail_pause_seconds
        return Outcome(
            "rest", said, wait_seconds=wait_seconds, uses_try=uses_try, may_have_left=may_have_left
        )

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
    ids = found.get("messageIds")
    message_id = found.get("messageId") or (ids[0] if isinstance(ids, list) and ids else "")
    return message_id if isinstance(message_id, str) else ""


def _cut_off(said: str) -> Outcome:
    return Outcome("unsure", said, was_accepted=True)


def _code_in(answer: outbound.Answer) -> str:
    """Brevo's own short code, such as ``invalid_parameter``; its message may hold the address."""
    code = _field(answer, "code")
    return code if re.fullmatch(r"[A-Za-z0-9_]{1,64}", code) else ""


def _names_the_sender(answer: outbound.Answer) -> bool:
    """“Sending has been rejected because the sender you used … is not valid”: so would be all mail."""
    return re.search(r"\bsender\b", _field(answer, "message"), re.I) is not None


def _field(answer: outbound.Answer, name: str) -> str:
    found = answer.json()
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""
