"""Partners and their login: by a link or a code in a mail, never by a password.

Who runs the programme has a role and a second factor.

Tables: ``partners``, ``login_requests``, ``login_tokens``, ``erasures``, ``partner_sessions``,
``second_factors``, ``recovery_codes``, ``passkeys``, ``saved_views``.
Pages: ``/partner/login``, ``/partner/login/code``, ``/partner/login/<token>``, ``/partner/logout``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.maintenance import register_maintenance, register_sweep
from contentflow.core.registry import registry
from contentflow.mailing.hooks import register_composer, register_sender_lock
from contentflow.partners import (
    cli,
    erasure,
    locks,
    login_mail,
    login_requests,
    notices,
    roles,
    services,
    sessions,
    tasks,
    views,
)


def init_app(app: Flask) -> None:
    sessions.init_app(app)
    app.register_blueprint(views.bp)
    app.add_template_filter(roles.role_name)
    app.cli.add_command(cli.group)
    register_composer(app, "login", login_mail.compose_login)
    register_composer(app, "notice", notices.compose)
    register_sender_lock(app, locks.is_active_sender)
    register_sweep(app, "partners.finish_erasures", erasure.finish_left)
    registry(app).erasures.append(services.erase_partner)
    register_sweep(app, "partners.end_expired_logins", login_requests.end_expired)
    register_maintenance(app, "partners.erase_ended", tasks.erase_expired)
