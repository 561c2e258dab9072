"""A message ready to leave: what a composer hands to the transports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import css_inline
from flask import current_app
from flask_babel import force_locale

from contentflow import invisibles
from contentflow.config import settings
from contentflow.core.graphemes import cut

# Brevo takes no more in sender.name: https://developers.brevo.com/reference/sendtransacemail
NAME_LENGTH = 70
SUBJECT_LENGTH = 200

# Controls, odd line ends, lone surrogates and noncharacters cannot stand in a header.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# What turns the reading direction of all that follows, and marks that say nothing within a line.
_TURNS = re.compile(r"[\u202a-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb]")
# The style tag stays beside the inlined styles: it alone can hold dark mode and phone width.
_inliner = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


@dataclass(frozen=True)
class Message:
    """``headers`` go out beside those of the transport; ``sender_name`` empty: the programme's.

    ``confirm_url``: a question that Brevo's double opt-in may put instead, and where its answer leads to;
    ``attributes`` are what its template then says.
    """

    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    sender_name: str = ""
    tags: tuple[str, ...] = ()
    reply_to: str = ""
    confirm_url: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


def render_mail(name: str, language: str, **context: Any) -> tuple[str, str]:
    """Render ``<name>.txt`` and ``<name>.html``, its styles inlined; returns (text, html).

    ``base_url`` and ``lang`` stand in the context. No request is needed and none is seen.
    """
    find = current_app.jinja_env.get_template
    context = {"lang": language, "base_url": settings().public_base_url, **context}
    with force_locale(language):
        text, html = find(f"{name}.txt").render(context), find(f"{name}.html").render(context)
    return text.strip() + "\n", _inliner.inline(html)


def one_line(text: str) -> str:
    """Return ``text`` fit for a header: no control, no line break, blanks folded; joiners stay.

    👩‍💻 is two pictures and a joiner that nobody sees; Persian and Malayalam are spelt with joiners.
    """
    return invisibles.trim(" ".join(_TURNS.sub("", _BREAKS.sub(" ", text)).split()))


@lru_cache(maxsize=256)
def subject_line(text: str) -> str:
    return cut(one_line(text), SUBJECT_LENGTH)


@lru_cache(maxsize=256)  # Mails of a send say the same one after the other.
def display_name(text: str, max_length: int = NAME_LENGTH) -> str:
    """Return a name that stays one name in every mail program: no quotes, brackets or @ either.

    One that is longer than ``most`` ends with “…”.
    """
    name = one_line("".join(" " if letter in '"<>()[]@,;:\\' else letter for letter in text))
    return name if cut(name, max_length) == name else cut(name, max_length - 1).rstrip() + "…"
