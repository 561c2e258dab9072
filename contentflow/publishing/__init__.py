"""Publishing on the partner's own accounts: planned, confirmed as seen, sent once, or handed over.

Tables: ``partner_accounts``, ``connect_requests``, ``platform_clients``, ``platform_pauses``,
``assignments``.
Pages: ``/partner/accounts``, ``/byop/publish``, ``/byop/publish/hand``, ``/byop/publish/status``,
``/oauth/client-metadata.json``.
Commands: ``platform``, ``assignment``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.byop.hooks import register_post_changed
from contentflow.core.broker import register_task
from contentflow.core.maintenance import register_maintenance, register_sweep
from contentflow.core.quarantine import POSTS
from contentflow.core.registry import registry
from contentflow.mailing.hooks import register_composer
from contentflow.publishing import (
    account_views,
    administration,
    cli,
    client_views,
    confirming,
    connecting,
    creators,
    erasure,
    following,
    notices,
    records,
    restored,
    revoking,
    services,
    tasks,
    views,
)
from contentflow.web.access import FeatureSwitch, add_switch


def init_app(app: Flask) -> None:
    add_switch(app, FeatureSwitch("/byop/publish", "publishing_enabled", 404, "publishing/off.html"))
    add_switch(app, FeatureSwitch("/partner/accounts", "publishing_enabled", 404, "publishing/off.html"))
    app.register_blueprint(views.bp)
    app.register_blueprint(account_views.bp)
    app.register_blueprint(client_views.bp)
    for group in cli.GROUPS:
        app.cli.add_command(group)
    register_task(app, confirming.PUBLISH, "publish", tasks.publish)
    register_task(app, connecting.CONNECT, "publish", connecting.work)
    register_task(app, creators.ASK, "publish", creators.ask)
    register_task(app, services.FOLLOW, "publish", following.follow)
    register_task(app, revoking.REVOKE, "publish", revoking.revoke)
    register_sweep(app, "publishing.connect_due", connecting.enqueue_due)
    register_sweep(app, "publishing.follow_due", following.enqueue_due)
    register_maintenance(app, "publishing.erase_old_requests", connecting.erase_old)
    register_maintenance(app, "publishing.revoke_left", revoking.revoke_left)
    register_sweep(app, "publishing.date_anew", tasks.date_anew)
    register_sweep(app, "publishing.enqueue_due", tasks.enqueue_due)
    register_composer(app, notices.KIND, notices.compose)
    register_post_changed(app, services.post_changed)
    registry(app).exports["accounts"] = records.export_accounts
    registry(app).exports["assignments"] = records.export_assignments
    registry(app).erasures.append(erasure.cancel_waiting)
    registry(app).sweeps.append(erasure.sweep_partner)
    registry(app).on_go_live[POSTS] = restored.give_up_doubtful
    registry(app).doctor["publishing"] = administration.check_publishing
    registry(app).backlogs["publish"] = tasks.backlog
