"""Partners and their login: by a link or a code in a mail, never by a password.

Tables: ``partners``, ``login_requests``, ``login_tokens``, ``erasures``, ``partner_sessions``.
Pages: ``/partner/login``, ``/partner/login/code``, ``/partner/login/<token>``, ``/partner/logout``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.registry import registry
from contentflow.core.work import register_chore, register_sweep
from contentflow.mailing import services as mailing
from contentflow.mailing.permission import register_sender_lock
from contentflow.partners import (
    cli,
    erasing,
    locks,
    login_mail,
    login_requests,
    services,
    sessions,
    tasks,
    views,
)


def init_app(app: Flask) -> None:
    sessions.init_app(app)
    app.register_blueprint(views.bp)
    app.cli.add_command(cli.group)
    mailing.register_composer(app, "login", login_mail.compose_login)
    register_sender_lock(app, locks.is_active_sender)
    register_sweep(app, erasing.finish_left)
    registry(app).erasures.append(services.forget_partner)
    register_sweep(app, login_requests.end_expired)
    register_chore(app, tasks.forget_ended)
