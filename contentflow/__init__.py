"""ContentFlow BYOP & Share Kit: a partner brings a post, shares it, and every click is explained."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flask import Flask

    from contentflow import config

# From the ground up: one may use those before it, never those after it.
CAPABILITIES: Final = (
    "mailing",
    "consent",
    "partners",
    "offers",
    "agreements",
    "pipeline",
    "links",
    "ledger",
    "byop",
    "experiments",
    "contacts",
    "sharekit",
    "conversions",
    "publishing",
    "payouts",
    "figures",
    "portal",
    "console",
    "backup",
)


def create_app(settings: config.Settings | None = None) -> Flask:
    """Build the application; without ``settings`` they come from the environment and ``.env``.

    Raises ``config.WrongSetting`` for a setting that is not accepted. Everything is imported in here:
    whoever wants one module of the product, such as the command line's help, does not pay for the rest.
    """
    from contentflow import config
    from contentflow.web.token_paths import Application

    app = Application(
        __name__,
        template_folder=str(config.ROOT / "templates"),
        static_folder=str(config.ROOT / "static"),
    )
    app.config["CONTENTFLOW"] = settings or config.load()
    for name in ("core", "web", *CAPABILITIES, "commands", "retention"):
        import_module(f"contentflow.{name}").init_app(app)
    return app


def start() -> Flask:
    """Build the application that is all of this process, its files its user's alone; raises as above.

    The collector rests meanwhile and leaves what was imported alone for ever: none of it goes, and looking
    through it costs a sixth of the start here, and tens of milliseconds of some request later.
    """
    gc.disable()
    try:
        from contentflow.core.file_permissions import restrict_umask

        restrict_umask()
        return create_app()
    finally:
        gc.freeze()
        gc.enable()
