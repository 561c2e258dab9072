"""Mail leaves here: deliveries, who may be written to, and the ways out (Brevo, SMTP, local mailbox).

Tables: ``deliveries``, ``mail_tokens``, ``suppressions``, ``subscriptions``, ``first_contacts``,
``consent_proofs``, ``kept_keys``, ``mail_pauses``, ``captured_mails``.
Pages: ``/unsubscribe/<token>``, ``/subscribe/<token>``, and ``/dev/mailbox`` in development.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.work import register_step, register_sweep
from contentflow.mailing import mailbox_views, tasks


def init_app(app: Flask) -> None:
    app.register_blueprint(mailbox_views.bp)
    register_step(app, tasks.STEP, "mail", tasks.send)
    register_sweep(app, tasks.ring_due)
