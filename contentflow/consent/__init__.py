"""Who may be written to: suppression, subscriptions, first contacts, proofs of consent, and a mail's links.

Tables: ``suppressions``, ``subscriptions``, ``first_contacts``, ``consent_proofs``, ``mail_tokens``.
Pages: ``/unsubscribe/<token>``, ``/preferences/<token>``, ``/subscribe/<token>``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.consent import cli, retention, services, views
from contentflow.core.maintenance import register_maintenance
from contentflow.core.registry import registry
from contentflow.mailing.hooks import on_ended, on_undelivered


def init_app(app: Flask) -> None:
    app.register_blueprint(views.bp)
    app.cli.add_command(cli.suppression)
    on_undelivered(app, services.free_first_contacts)
    on_ended(app, services.stop_after)
    register_maintenance(app, "consent.erase_old_answers", retention.erase_old_answers)
    registry(app).sweeps.append(retention.sweep_partner)
