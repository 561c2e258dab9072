"""Bring your own post: a partner's video or words become an asset to prepare and links to share.

Table: ``byop_submissions``.  Pages: ``/byop/new``, ``/byop/submit``, ``/byop/preview``, ``/byop/edit``,
``/byop/archive``, ``/byop/status``, ``/byop/approve``, ``/byop/withdraw``, ``/byop/retry``, ``/byop/video``,
``/byop/part``, ``/byop/clip``, ``/clip-mails/<token>``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.byop import clip_mail, clip_mail_views, erasure, services, uploads, views
from contentflow.byop import clip_views as _clip_views  # noqa: F401 (its routes join the blueprint)
from contentflow.byop import part_views as _part_views  # noqa: F401 (the same)
from contentflow.byop import video_views as _video_views  # noqa: F401 (the same)
from contentflow.core.registry import registry
from contentflow.mailing.hooks import register_composer
from contentflow.pipeline.services import on_finished
from contentflow.web.access import FeatureSwitch, add_switch


def init_app(app: Flask) -> None:
    add_switch(app, FeatureSwitch("/byop/", "feature_byop", 404, "web/disabled.html"))
    app.register_blueprint(views.bp)
    app.register_blueprint(clip_mail_views.bp)
    uploads.init_app(app)
    on_finished(app, services.sync_status)
    on_finished(app, clip_mail.tell_when_done)
    register_composer(app, clip_mail.KIND, clip_mail.compose_clip)
    registry(app).sweeps.append(erasure.sweep_partner)
    registry(app).exports["submissions"] = services.export_submissions
