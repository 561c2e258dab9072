"""SMTP (RFC 5321): no server remembers a key, so a message whose fate is not known is never tried again.

``smtp://`` takes STARTTLS when it is offered, and insists on it unless the server is this machine;
``smtps://`` begins with TLS. User and password come from the URL. Reaching the server and handing the
message over have MAIL_TIMEOUT_SECONDS each, however slowly the server drips its replies.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from contentflow.config import Settings
from contentflow.core import clock
from contentflow.core.deadline import Deadline
from contentflow.core.net import is_loopback
from contentflow.mailing.messages import Message
from contentflow.mailing.transports import SendOutcome
from contentflow.mailing.transports.mime import Unsendable, build, message_id
from contentflow.mailing.transports.smtp_line import SmtpConnection, SmtpConnectionTLS

ADDRESSED = {250, 251}
PORTS = {"smtp": 587, "smtps": 465}
QUIT_SECONDS = 2.0
# What a server says of us and not of the message: it wants a login, or relays for others only.
# https://www.iana.org/assignments/smtp-enhanced-status-codes
LOGIN_WANTED = {530, 535, 538}
ABOUT_US = re.compile(rb"\brelay|\b5\.7\.60\b", re.IGNORECASE)


class Unprotected(Exception):
    """The server offers no STARTTLS, and it is not this machine."""


class Smtp:
    name = "smtp"
    knows_again = False

    def __init__(self, chosen: Settings) -> None:
        self._settings = chosen
        self._url = urlsplit(chosen.smtp_url)

    def send(self, message: Message, to: str, delivery_id: str) -> SendOutcome:
        chosen = self._settings
        try:
            mail = build(message, chosen.email_from_name, chosen.email_from, to, delivery_id, clock.now())
        except Unsendable as error:
            return SendOutcome("rejected", f"SMTP carries no such {error}")
        with Deadline(2 * chosen.mail_timeout_seconds + QUIT_SECONDS) as deadline:
            return self._deliver(mail, to, delivery_id, deadline)

    def _deliver(self, mail: bytes, to: str, delivery_id: str, deadline: Deadline) -> SendOutcome:
        deadline.within(self._settings.mail_timeout_seconds)
        try:
            line = self._connect(deadline)
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError, Unprotected) as error:
            return self._throttled(error, self._settings.mail_pause_seconds)
        except ValueError as error:  # A name or password that SMTP cannot carry.
            return self._throttled(error, self._settings.mail_pause_seconds)
        except (smtplib.SMTPException, OSError) as error:
            return self._throttled(error, self._settings.mail_retry_seconds[0])
        deadline.within(self._settings.mail_timeout_seconds)
        try:
            return self._hand_over(line, mail, to, delivery_id)
        finally:
            deadline.within(QUIT_SECONDS)
            with contextlib.suppress(smtplib.SMTPException, OSError):
                line.quit()
            line.close()

    def _throttled(self, error: Exception, wait_seconds: int) -> SendOutcome:
        code = getattr(error, "smtp_code", "")
        return SendOutcome(
            "throttled", f"SMTP {type(error).__name__} {code}".strip(), wait_seconds=wait_seconds
        )

    def _connect(self, deadline: Deadline) -> smtplib.SMTP:
        url, is_here = self._url, is_loopback(self._url.hostname or "")
        host, port = str(url.hostname), url.port or PORTS[url.scheme]
        us = _our_name(self._settings.public_base_url)
        tls = ssl.create_default_context()
        if is_here:  # Nobody can stand between; servers on this machine sign for themselves.
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if url.scheme == "smtps":
            line: smtplib.SMTP = SmtpConnectionTLS(
                deadline, host, port, us, timeout=deadline.left(), context=tls
            )
        else:
            line = SmtpConnection(deadline, host, port, us, timeout=deadline.left())
        try:
            line.ehlo_or_helo_if_needed()
            if url.scheme == "smtp":
                if line.has_extn("starttls"):
                    line.starttls(context=tls)
                    line.ehlo()
                elif not is_here:
                    raise Unprotected
            if url.username:
                line.login(unquote(url.username), unquote(url.password or ""))
        except BaseException:
            line.close()
            raise
        return line

    def _hand_over(self, line: smtplib.SMTP, mail: bytes, to: str, delivery_id: str) -> SendOutcome:
        sender = self._settings.email_from
        try:
            code, said = line.mail(sender)
            if code != 250:
                return self._sender_refused(code)
            code, said = line.rcpt(to)
            if code in ADDRESSED:
                code, said = line.docmd("DATA")
        except (smtplib.SMTPException, OSError, ValueError) as error:  # Nothing of the message was sent.
            wait_seconds = self._settings.mail_retry_seconds[0]
            return SendOutcome(
                "throttled", f"SMTP {type(error).__name__}", wait_seconds=wait_seconds, uses_try=True
            )
        if code != 354:
            return self._refused(code, said)
        try:
            line.send(re.sub(rb"(?m)^\.", b"..", mail) + b".\r\n")
            code, said = line.getreply()
        except (smtplib.SMTPException, OSError) as error:
            return SendOutcome("unknown", f"SMTP {type(error).__name__} after DATA")
        if 200 <= code < 300:
            return SendOutcome("sent", message_id=message_id(sender, delivery_id))
        if 400 <= code < 600:
            return self._refused(code, said)
        return SendOutcome("unknown", f"SMTP {code} after DATA")  # A reply that broke off.

    def _sender_refused(self, code: int) -> SendOutcome:
        """Nothing is known of the message yet: the server refuses us, and would all mail."""
        is_for_long = 500 <= code < 600
        chosen = self._settings
        wait_seconds = chosen.mail_pause_seconds if is_for_long else chosen.mail_retry_seconds[0]
        return SendOutcome("throttled", f"SMTP {code} to MAIL", wait_seconds=wait_seconds, uses_try=True)

    def _refused(self, code: int, said: bytes) -> SendOutcome:
        if not 500 <= code < 600:
            return SendOutcome("deferred", f"SMTP {code}")
        if code in LOGIN_WANTED or ABOUT_US.search(said):
            wait_seconds = self._settings.mail_pause_seconds
            return SendOutcome("throttled", f"SMTP {code}", wait_seconds=wait_seconds, uses_try=True)
        return SendOutcome("rejected", f"SMTP {code}")


def _our_name(base_url: str) -> str:
    """Return the name for EHLO; without one smtplib would ask the name service who we are."""
    host = urlsplit(base_url).hostname or "localhost"
    try:
        address = ip_address(host)
        return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
    except ValueError:
        return host if host.isascii() else host.encode("idna").decode("ascii")
