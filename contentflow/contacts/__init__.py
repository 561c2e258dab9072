"""A partner's address book: who is in it, files that fill it, and the question that asks for a yes.

Tables: ``contacts``, ``contact_imports``, ``import_rows``, ``invitations``, ``list_changes``.
Pages: ``/partner/contacts``, ``/partner/contacts/import``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.consent.holdings import on_forget, register_holdings
from contentflow.consent.hooks import on_answer
from contentflow.contacts import (
    answers,
    imports,
    invitations,
    list_sync,
    list_tasks,
    retention,
    services,
    tasks,
    views,
)
from contentflow.contacts import import_views as _import_views  # noqa: F401 (its routes join the blueprint)
from contentflow.core.broker import register_task
from contentflow.core.maintenance import register_maintenance, register_sweep
from contentflow.core.registry import registry
from contentflow.mailing.hooks import on_clicked, on_undelivered, register_batch_composer
from contentflow.web.security import allow_body


def init_app(app: Flask) -> None:
    app.register_blueprint(views.bp)
    allow_body(app, "contacts.upload", imports.MAX_BYTES + views.FORM_BYTES)
    register_task(app, imports.IMPORT, "fetch", tasks.import_file)
    register_sweep(app, "contacts.enqueue_due", tasks.enqueue_due)
    register_sweep(app, "contacts.date_anew", imports.IMPORTS.date_anew)
    register_task(app, list_sync.TELL, "fetch", list_tasks.tell_list)
    register_sweep(app, "contacts.enqueue_list", list_tasks.enqueue_due)
    register_sweep(app, "contacts.date_list_anew", list_sync.CHANGES.date_anew)
    register_maintenance(app, "contacts.erase_untold", list_sync.erase_untold)
    register_maintenance(app, "contacts.fill_list", list_sync.note_everybody)
    register_batch_composer(app, "invitation", invitations.compose_invitations)
    register_maintenance(app, "contacts.expire_unanswered", invitations.expire_unanswered)
    register_maintenance(app, "contacts.erase_old", retention.erase_old)
    on_answer(app, answers.hear_answer)
    on_forget(app, answers.hear_forgotten)
    register_holdings(app, answers.holdings_on)
    on_clicked(app, answers.hear_click)
    on_undelivered(app, invitations.hear_undelivered)
    registry(app).exports["contacts"] = services.export_contacts
    registry(app).erasures.append(retention.stop_imports)
    registry(app).sweeps.append(retention.sweep_partner)
    registry(app).backlogs["imports"] = tasks.backlog
