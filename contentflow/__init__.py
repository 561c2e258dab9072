"""ContentFlow BYOP & Share Kit: a partner brings a post, shares it, and every click is explained."""

from __future__ import annotations

from flask import Flask

from contentflow import (
    byop,
    commands,
    config,
    core,
    earnings,
    links,
    mailing,
    offers,
    partners,
    pipeline,
    portal,
    sharekit,
    web,
)

# From the ground up: one may use those before it, never those after it.
CAPABILITIES = (mailing, partners, offers, pipeline, links, byop, sharekit, earnings, portal)


def create_app(settings: config.Settings | None = None) -> Flask:
    """Build the application; without ``settings`` they come from the environment and ``.env``.

    Raises ``config.WrongSetting`` for a setting that is not accepted.
    """
    app = Flask(
        __name__,
        template_folder=str(config.ROOT / "templates"),
        static_folder=str(config.ROOT / "static"),
    )
    app.config["CONTENTFLOW"] = settings or config.load()
    core.init_app(app)
    web.init_app(app)
    for capability in CAPABILITIES:
        capability.init_app(app)
    commands.init_app(app)
    return app
