"""ContentFlow BYOP & Share Kit: a partner brings a post, shares it, and every click is explained."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flask import Flask

    from contentflow import config

# From the ground up: one may use those before it, never those after it.
CAPABILITIES: Final = (
    "mailing",
    "partners",
    "offers",
    "pipeline",
    "links",
    "byop",
    "sharekit",
    "earnings",
    "portal",
)


def create_app(settings: config.Settings | None = None) -> Flask:
    """Build the application; without ``settings`` they come from the environment and ``.env``.

    Raises ``config.WrongSetting`` for a setting that is not accepted. Everything is imported in here:
    whoever wants one module of the product, such as the command line's help, does not pay for the rest.
    """
    from flask import Flask

    from contentflow import config

    app = Flask(
        __name__,
        template_folder=str(config.ROOT / "templates"),
        static_folder=str(config.ROOT / "static"),
    )
    app.config["CONTENTFLOW"] = settings or config.load()
    for name in ("core", "web", *CAPABILITIES, "commands", "kept"):
        import_module(f"contentflow.{name}").init_app(app)
    return app
