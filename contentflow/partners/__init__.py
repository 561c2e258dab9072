"""Partners and their login: by a link or a code in a mail, never by a password.

Tables: ``partners``, ``login_requests``, ``login_tokens``, ``partner_sessions``.
Pages: ``/partner/login``, ``/partner/login/code``, ``/partner/login/<token>``, ``/partner/logout``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.partners import sessions


def init_app(app: Flask) -> None:
    sessions.init_app(app)
