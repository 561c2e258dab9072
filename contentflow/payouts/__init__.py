"""Partners are paid: who they are on invoices, their account, runs, the invoices we write, the bank's file.

Tables: ``billing_profiles``, ``bank_accounts``, ``bank_requests``, ``freeze_tokens``, ``payout_runs``,
``payouts``, ``invoices``, ``transfers``, ``bank_reports``.
Pages: ``/partner/billing``, ``/partner/payouts``. Commands: ``billing``, ``payout``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.broker import register_task
from contentflow.core.maintenance import register_maintenance, register_sweep
from contentflow.core.quarantine import PAYOUTS
from contentflow.core.registry import Folder, registry
from contentflow.mailing.hooks import register_composer
from contentflow.payouts import (
    approval,
    bank_mails,
    bank_notices,
    billing_cli,
    billing_views,
    cli,
    invoicing,
    payees,
    payout_views,
    profiles,
    retention,
    runs,
    showing,
    tasks,
)
from contentflow.web.access import FeatureSwitch, add_switch


def init_app(app: Flask) -> None:
    for prefix in ("/partner/billing", "/partner/payouts", "/console/payouts"):
        add_switch(app, FeatureSwitch(prefix, "payouts_enabled", 404, "payouts/off.html"))
    for blueprint in (billing_views.bp, payout_views.bp):
        app.register_blueprint(blueprint)
    for group in (billing_cli.group, cli.group):
        app.cli.add_command(group)
    register_composer(app, bank_notices.KIND, bank_mails.compose)
    register_task(app, approval.TASK, "publish", tasks.approve)
    register_sweep(app, "payouts.approve_due", approval.enqueue_due)
    register_maintenance(app, "payouts.draft_due", runs.draft_due)
    register_maintenance(app, "payouts.accept_silence", tasks.accept_silence)
    register_maintenance(app, "payouts.erase_files", tasks.erase_files)
    register_maintenance(app, "payouts.sweep_folder", invoicing.sweep_folder)
    register_maintenance(app, "payouts.erase_payees", retention.erase_old)
    parts = registry(app)
    parts.folders.append(Folder(invoicing.FOLDER))
    parts.exports["billing"] = payees.export_profile
    parts.exports["bank_accounts"] = payees.export_accounts
    parts.exports["payouts"] = showing.export_payouts
    parts.erasures.append(retention.erase_partner)
    parts.on_go_live[PAYOUTS] = approval.give_up_doubtful
    parts.doctor["mandate"] = profiles.check_mandate
    parts.doctor["payouts"] = invoicing.check_documents
    parts.checked_hourly.add("payouts")
