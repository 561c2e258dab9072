"""Who writes which mail: each capability composes its own kinds, at the moment they leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import css_inline
from flask import Flask, current_app
from flask_babel import force_locale

from contentflow.config import settings
from contentflow.mailing.messages import Message
from contentflow.mailing.models import Delivery

Composer = Callable[[Delivery], Message | None]

# The style tag stays beside the inlined styles: it alone can hold dark mode and phone width.
_inliner = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


def register_composer(app: Flask, kind: str, compose: Composer) -> None:
    """Let ``compose(delivery)`` write the mails of a kind, in the transaction that claims the row.

    It returns None for a mail that nobody needs any more: the delivery is then ``cancelled``.
    """
    app.extensions.setdefault("composers", {})[kind] = compose


def compose(delivery: Delivery) -> Message | None:
    composer: Composer = current_app.extensions["composers"][delivery.kind]
    return composer(delivery)


def render_mail(name: str, language: str, **context: Any) -> tuple[str, str]:
    """Render ``<name>.txt`` and ``<name>.html``, its styles inlined; returns (text, html).

    ``base_url`` and ``lang`` stand in the context. No request is needed and none is seen.
    """
    find = current_app.jinja_env.get_template
    context = {"lang": language, "base_url": settings().public_base_url, **context}
    with force_locale(language):
        text, html = find(f"{name}.txt").render(context), find(f"{name}.html").render(context)
    return text.strip() + "\n", _inliner.inline(html)
