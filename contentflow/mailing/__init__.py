"""Mail leaves here: deliveries, who may be written to, and the ways out (Brevo, SMTP, local mailbox).

Tables: ``deliveries``, ``mail_tokens``, ``suppressions``, ``subscriptions``, ``first_contacts``,
``consent_proofs``, ``kept_keys``, ``mail_pauses``, ``captured_mails``.
Pages: ``/unsubscribe/<token>``, ``/subscribe/<token>``, and ``/dev/mailbox`` in development.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.registry import registry
from contentflow.core.work import register_chore, register_step, register_sweep
from contentflow.mailing import cli, keeping, pauses, share_mail, tasks, times, views
from contentflow.mailing.composers import register_composer


def init_app(app: Flask) -> None:
    app.register_blueprint(views.bp)
    register_step(app, tasks.STEP, "mail", tasks.send)
    register_sweep(app, times.mend_times)
    register_sweep(app, tasks.ring_due)
    register_chore(app, keeping.forget_old_addresses)
    register_composer(app, "share", share_mail.compose_share)
    registry(app).exports["deliveries"] = keeping.export_deliveries
    registry(app).erasures.append(keeping.take_back)
    registry(app).sweeps.append(keeping.sweep_partner)
    registry(app).doctor["mail"] = pauses.check_mail
    for group in cli.GROUPS:
        app.cli.add_command(group)
