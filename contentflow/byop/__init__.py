"""Bring your own post: a partner's video or words become an asset to prepare and links to share.

Table: ``byop_submissions``.  Pages: ``/byop/new``, ``/byop/submit``, ``/byop/preview``, ``/byop/edit``,
``/byop/archive``, ``/byop/status``, ``/byop/approve``, ``/byop/retry``, ``/byop/clip``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.byop import clip_views as _clip_views  # noqa: F401 (its routes join the blueprint)
from contentflow.byop import erasing, services, uploads, views
from contentflow.core.registry import registry
from contentflow.pipeline.services import on_finished
from contentflow.web.admission import Gate, close_when_off


def init_app(app: Flask) -> None:
    close_when_off(app, Gate("/byop/", "feature_byop", 404, "web/disabled.html"))
    app.register_blueprint(views.bp)
    uploads.init_app(app)
    on_finished(app, services.follow_asset)
    registry(app).sweeps.append(erasing.sweep_partner)
    registry(app).exports["submissions"] = services.export_submissions
