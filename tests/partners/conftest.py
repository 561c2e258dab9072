"""What the login tests read: the mail, its link and its code."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.core.db import db
from contentflow.mailing.models import CapturedMail
from tests.house import HOST, run_work


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str
    html: str

    @property
    def path(self) -> str:
        found = re.search(rf"{HOST['base_url']}(/partner/login/[\w-]+)", self.text)
        assert found
        return found[1]

    @property
    def code(self) -> str:
        found = re.search(r"^([0-9]{6})$", self.text, re.MULTILINE)
        assert found
        return found[1]


@pytest.fixture
def mails(app: Flask) -> Callable[[], list[Mail]]:
    """Let the worker work, and return every mail that left, the oldest first."""

    def read() -> list[Mail]:
        run_work(app)
        found = db.session.scalars(select(CapturedMail).order_by(CapturedMail.created_at)).all()
        return [Mail(mail.recipient, mail.subject, mail.text, mail.html) for mail in found]

    return read
