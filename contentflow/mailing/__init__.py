"""Mail leaves here: deliveries, and the ways out (Brevo, SMTP, local mailbox).

Tables: ``deliveries``, ``kept_keys``, ``mail_pauses``, ``captured_mails``,
``brevo_lists``, ``brevo_events``, ``brevo_days``, ``sender_pauses``.
Pages: ``/webhooks/brevo``, and ``/dev/mailbox`` in development.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.broker import register_task
from contentflow.core.maintenance import register_maintenance, register_sweep
from contentflow.core.quarantine import MAIL
from contentflow.core.registry import Gauge, registry
from contentflow.mailing import (
    breaker,
    brevo_lists,
    brevo_tasks,
    checks,
    cli,
    reconciliation,
    restored,
    retention,
    standing,
    tasks,
    times,
    views,
    webhook,
)


def init_app(app: Flask) -> None:
    app.register_blueprint(views.bp)
    app.register_blueprint(webhook.bp)
    _send(app)
    _hear(app)
    register_maintenance(app, "mailing.erase_old_addresses", retention.erase_old_addresses)
    register_maintenance(app, "mailing.erase_old_events", retention.erase_old_events)
    registry(app).exports["deliveries"] = retention.export_deliveries
    registry(app).erasures.append(retention.cancel_waiting)
    registry(app).sweeps.append(retention.sweep_partner)
    registry(app).on_restore.append(restored.drop_logins)
    registry(app).on_go_live[MAIL] = restored.give_up_doubtful
    for group in cli.GROUPS:
        app.cli.add_command(group)


def _send(app: Flask) -> None:
    tasks.init_pace(app)
    register_task(app, tasks.SEND, "mail", tasks.send)
    register_sweep(app, "mailing.date_anew", times.date_anew)
    register_sweep(app, "mailing.queue_scheduled", tasks.queue_scheduled)
    register_sweep(app, "mailing.enqueue_due", tasks.enqueue_due)
    registry(app).backlogs["mail"] = tasks.backlog
    registry(app).doctor |= {"mail": breaker.check_mail, "senders": standing.check_senders}
    registry(app).gauges += [
        Gauge("deliveries", "Mails of the last 24 hours by state", "state", tasks.deliveries_of_day),
    ]


def _hear(app: Flask) -> None:
    """What comes back from the service: its events, told or asked for."""
    register_task(app, tasks.READ_LIST, "mail", tasks.read_list)
    register_task(app, tasks.APPLY_EVENTS, "mail", tasks.apply_events)
    register_task(app, brevo_tasks.READ_DAY, "fetch", brevo_tasks.read_day)
    register_sweep(app, "mailing.enqueue_events", tasks.enqueue_events)
    register_sweep(app, "mailing.enqueue_days", brevo_tasks.enqueue_days)
    register_sweep(app, "mailing.date_lists_anew", brevo_lists.LISTS.date_anew)
    register_sweep(app, "mailing.date_days_anew", reconciliation.DAYS.date_anew)
    register_maintenance(app, "mailing.plan_days", brevo_tasks.plan_days)
    register_maintenance(app, "mailing.note_rotation", checks.note_rotation)
    registry(app).doctor |= {
        "sender": checks.check_domain,
        "https": checks.check_base_url,
        "provider": checks.check_provider,
        "webhook": checks.check_webhook,
        "webhook token": checks.check_tokens,
        "events": checks.check_events,
    }
    registry(app).checked_hourly |= {"sender", "provider"}
    registry(app).gauges += [
        Gauge("brevo_events", "Brevo's events of the last 24 hours by name", "event", tasks.events_of_day),
        Gauge("brevo_items", "Items that Brevo told today by fate", "fate", tasks.items_of_day),
    ]
