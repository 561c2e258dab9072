"""SMTP (RFC 5321): no server remembers a key, so a message whose fate is not known is never tried again.

``smtp://`` takes STARTTLS when it is offered, and insists on it unless the server is this machine;
``smtps://`` begins with TLS. User and password come from the URL.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from contentflow.config import Settings
from contentflow.core import clock
from contentflow.mailing.messages import Message
from contentflow.mailing.transports import Outcome
from contentflow.mailing.transports.mime import Unsendable, build, message_id

ADDRESSED = {250, 251}
PORTS = {"smtp": 587, "smtps": 465}


class Unprotected(Exception):
    """The server offers no STARTTLS, and it is not this machine."""


class Smtp:
    name = "smtp"
    knows_again = False

    def __init__(self, chosen: Settings) -> None:
        self._settings = chosen
        self._url = urlsplit(chosen.smtp_url)

    def send(self, message: Message, to: str, delivery_id: str) -> Outcome:
        chosen = self._settings
        try:
            mail = build(message, chosen.email_from_name, chosen.email_from, to, delivery_id, clock.now())
        except Unsendable as error:
            return Outcome("failed", f"SMTP carries no such {error}")
        try:
            connection = self._connect()
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as error:
            return self._rest(error, self._settings.mail_pause_seconds)
        except Unprotected as error:
            return self._rest(error, self._settings.mail_pause_seconds)
        except (smtplib.SMTPException, OSError) as error:
            return self._rest(error, self._settings.mail_retry_seconds[0])
        try:
            return self._hand_over(connection, mail, to, delivery_id)
        finally:
            _part(connection)

    def _rest(self, error: Exception, wait_seconds: int) -> Outcome:
        code = getattr(error, "smtp_code", "")
        return Outcome("rest", f"SMTP {type(error).__name__} {code}".strip(), wait_seconds=wait_seconds)

    def _connect(self) -> smtplib.SMTP:
        url, is_here = self._url, _is_this_machine(self._url)
        host, port = str(url.hostname), url.port or PORTS[url.scheme]
        # Named, or smtplib would ask the name service who we are.
        us = urlsplit(self._settings.public_base_url).hostname
        timeout = self._settings.mail_timeout_seconds
        tls = _tls(is_here)
        if url.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, us, timeout=timeout, context=tls)
        else:
            connection = smtplib.SMTP(host, port, us, timeout=timeout)
        try:
            self._greet(connection, url, tls, is_here)
        except BaseException:
            connection.close()
            raise
        return connection

    def _greet(self, connection: smtplib.SMTP, url: SplitResult, tls: ssl.SSLContext, is_here: bool) -> None:
        connection.ehlo_or_helo_if_needed()
        if url.scheme == "smtp":
            if connection.has_extn("starttls"):
                connection.starttls(context=tls)
                connection.ehlo()
            elif not is_here:
                raise Unprotected
        if url.username:
            connection.login(unquote(url.username), unquote(url.password or ""))

    def _hand_over(self, connection: smtplib.SMTP, mail: bytes, to: str, delivery_id: str) -> Outcome:
        sender = self._settings.email_from
        try:
            code, _ = connection.mail(sender)
            if code == 250:
                code, _ = connection.rcpt(to)
        except (smtplib.SMTPException, OSError) as error:
            return Outcome("later", f"SMTP {type(error).__name__}")
        if code not in ADDRESSED:
            return _refused(code)
        try:
            code, _ = connection.data(mail)
        except smtplib.SMTPDataError as error:  # No 354: nothing of the message was sent.
            return _refused(error.smtp_code)
        except (smtplib.SMTPException, OSError) as error:
            return Outcome("unknown", f"SMTP {type(error).__name__} after DATA")
        if code != 250:
            return _refused(code)
        return Outcome("sent", message_id=message_id(sender, delivery_id))


def _refused(code: int) -> Outcome:
    kind = "failed" if 500 <= code < 600 else "later"
    return Outcome(kind, f"SMTP {code}")  # type: ignore[arg-type]


def _part(connection: smtplib.SMTP) -> None:
    with contextlib.suppress(smtplib.SMTPException, OSError):
        connection.quit()
    connection.close()


def _tls(is_here: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if is_here:  # Nobody can stand between; servers on this machine sign for themselves.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_this_machine(url: SplitResult) -> bool:
    if url.hostname == "localhost":
        return True
    try:
        return ip_address(str(url.hostname)).is_loopback
    except ValueError:
        return False
