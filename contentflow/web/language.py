"""French by default, English complete: the session's choice, else what the browser asks for."""

from __future__ import annotations

from flask import Flask, has_request_context, request, session
from flask_babel import Babel, get_locale, get_translations

from contentflow.config import ROOT

LANGUAGES = ("fr", "en")

babel = Babel()


def init_app(app: Flask) -> None:
    app.config.update(
        BABEL_DEFAULT_LOCALE="fr",
        BABEL_DEFAULT_TIMEZONE="Europe/Paris",
        BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "contentflow" / "translations"),
    )
    babel.init_app(app, locale_selector=choose)
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: get_translations().ugettext(text), _plural, newstyle=True
    )
    app.context_processor(lambda: {"lang": language()})


def choose() -> str:
    if not has_request_context():
        return "fr"
    chosen = session.get("lang")
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(LANGUAGES, "fr") or "fr"


def _plural(one: str, many: str, count: int) -> str:
    """French, which needs no catalogue, says “0 clic valide”: nought is singular."""
    if language() == "fr":
        return one if abs(count) < 2 else many
    return str(get_translations().ungettext(one, many, count))


def language() -> str:
    """Return ``fr`` or ``en`` for the current request."""
    locale = get_locale()
    return str(locale.language) if locale is not None else "fr"
