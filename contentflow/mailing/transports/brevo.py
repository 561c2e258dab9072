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
from contentflow.mailing.transports import SendOutcome

DAY = 86_400
# Ours, and never to change: another one would make a second message of a mail under way.
NAMESPACE = UUID("23a9006e-2b3c-48c7-94f4-fa353012ca1c")
# Brevo hands it back in every event of the mail: https://developers.brevo.com/docs/transactional-webhooks
OUR_ID = "X-Mailin-custom"
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
ASKED = {201, 204}
_SETTINGS = re.compile(r"\b(template|list|redirect\w*|attributes?)\b", re.IGNORECASE)
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

    def send(self, message: Message, to: str, delivery_id: str) -> SendOutcome:
        if message.confirm_url and self._settings.asks_at_brevo:
            return self._ask(message, to)
        try:
            answer = self._call("/smtp/email", self._payload(message, to, delivery_id))
        except outbound.NotReached as error:
            return self._unreached(error)
        except outbound.NoAnswer as error:
            return SendOutcome("indeterminate", f"Brevo: {error}")
        return self._outcome(answer)

    def _call(self, path: str, payload: dict[str, Any]) -> outbound.Answer:
        chosen = self._settings
        headers = {"api-key": chosen.brevo_api_key, "Accept": "application/json"}
        return outbound.post_json(
            f"{chosen.brevo_api_url}{path}", payload, headers, chosen.mail_timeout_seconds
        )

    def _unreached(self, error: outbound.NotReached) -> SendOutcome:
        wait_seconds = self._settings.mail_retry_seconds[0]
        return SendOutcome("throttled", f"Brevo: {error}", wait_seconds=wait_seconds)

    def _ask(self, message: Message, to: str) -> SendOutcome:
        """Let Brevo put the question: https://developers.brevo.com/reference/create-doi-contact

        It takes no key and gives no message id: what may have left is ``unknown``, and never asked again.
        """
        payload = {
            "email": to,
            "includeListIds": [self._settings.brevo_list_id],
            "templateId": self._settings.brevo_doi_template_id,
            "redirectionUrl": message.confirm_url,
            "attributes": message.attributes,
        }
        try:
            answer = self._call("/contacts/doubleOptinConfirmation", payload)
        except outbound.NotReached as error:
            return self._unreached(error)
        except outbound.NoAnswer as error:
            return SendOutcome("unknown", f"Brevo: {error}")
        if answer.status in ASKED:
            return SendOutcome("sent")
        said = f"Brevo {answer.status} double opt-in"
        # “An active DOI template does not exist”: the settings are wrong, and other mail may leave.
        if answer.status == 404 or _SETTINGS.search(_field(answer, "message")):
            return SendOutcome("deferred", said)
        outcome = self._outcome(answer)
        if outcome.kind in ("indeterminate", "sent"):
            return SendOutcome("unknown", said)
        return SendOutcome("rejected", said) if outcome.kind == "duplicate" else outcome

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
            "headers": {
                **message.headers,
                "idempotencyKey": idempotency_key(delivery_id),
                OUR_ID: delivery_id,
            },
            **reply_to,
            **tags,
        }

    def _outcome(self, answer: outbound.Answer) -> SendOutcome:
        # Brevo's own short code, such as ``invalid_parameter``; its message may hold the address.
        status, code = answer.status, _field(answer, "code")
        code = code if re.fullmatch(r"[A-Za-z0-9_]{1,64}", code) else ""
        said = f"Brevo {status} {code}".strip()
        if 200 <= status < 300:
            message_id = _message_id_in(answer)
            if message_id:
                return SendOutcome("sent", message_id=message_id)
            return SendOutcome("indeterminate", said, was_accepted=True)
        if status in {400, 422}:
            return self._of_refused(answer, code, said)
        if status == 429:
            return SendOutcome(
                "throttled", said, wait_seconds=seconds_until_reset(answer, self._settings.mail_pause_seconds)
            )
        if status == 408 or not 300 <= status < 500:
            return SendOutcome("indeterminate", said)
        return self._throttled(
            said, uses_try=status not in {401, 402}, may_have_left=status in PERHAPS_ACCEPTED
        )

    def _of_refused(self, answer: outbound.Answer, code: str, said: str) -> SendOutcome:
        if code in KEY_IS_USED:
            return SendOutcome("duplicate", said)
        # “Sending has been rejected because the sender you used … is not valid”: so would be all mail.
        names_sender = re.search(r"\bsender\b", _field(answer, "message"), re.I) is not None
        # Without a code of Brevo's it is said by something between: nothing about the message.
        if not code or code in ABOUT_THE_ACCOUNT or names_sender:
            return self._throttled(said, uses_try=True)
        return SendOutcome("rejected", said)

    def _throttled(self, said: str, uses_try: bool, may_have_left: bool = False) -> SendOutcome:
        wait_seconds = self._settings.mail_pause_seconds
        return SendOutcome(
            "throttled", said, wait_seconds=wait_seconds, uses_try=uses_try, may_have_left=may_have_left
        )


def seconds_until_reset(answer: outbound.Answer, otherwise: float) -> float:
    """Return when Brevo takes calls again; where that cannot be read, ``otherwise``."""
    text = answer.headers.get("x-sib-ratelimit-reset", "").strip()
    if text.isascii() and text.isdigit() and int(text[:9]) <= DAY:
        return float(text)
    return otherwise


def _message_id_in(answer: outbound.Answer) -> str:
    found = answer.json()
    if not isinstance(found, dict):
        return ""
    ids = found.get("messageIds")
    message_id = found.get("messageId") or (ids[0] if isinstance(ids, list) and ids else "")
    return message_id if isinstance(message_id, str) else ""


def _field(answer: outbound.Answer, name: str) -> str:
    found = answer.json()
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""
