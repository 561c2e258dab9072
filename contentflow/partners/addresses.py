"""A partner's address in the one form that is kept, and the mailbox it belongs to."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from contentflow.partners.refusals import NotAnAddress


def normal(text: str) -> str:
    """Return the address in lower case with an ASCII domain; raises ``NotAnAddress``."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise NotAnAddress from None
    return (found.ascii_email or found.normalized).lower()


def mailbox(address: str) -> str:
    """Return the address without its ``+tag``: all tags of one person share a limit."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
