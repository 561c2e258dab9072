"""What the local mailbox holds, for whoever tries the product without a mail service."""

from __future__ import annotations

import re
from html import unescape

from sqlalchemy import select

from contentflow.config import Settings
from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.mailing.models import CapturedMail

# What the page lists: whoever tries the product looks at the newest.
SHOWN = 100


def is_open(chosen: Settings) -> bool:
    return chosen.has_local_mailbox


def newest_mails() -> list[CapturedMail]:
    newest_first = select(CapturedMail).order_by(CapturedMail.created_at.desc(), CapturedMail.id)
    return list(db.session.scalars(newest_first.limit(SHOWN)))


def get_mail(mail_id: str) -> CapturedMail:
    mail = db.session.get(CapturedMail, mail_id)
    if mail is None:
        raise NotFound
    return mail


def links_in(html: str) -> list[str]:
    """Return the links of a mail, each once: its frame is a sandbox, where none can be followed."""
    return list(dict.fromkeys(unescape(url) for url in re.findall(r'href="(https?://[^"]+)"', html)))
