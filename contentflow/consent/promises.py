"""The sentences that a recipient says yes to: shown on the page, and kept word for word as the proof."""

from __future__ import annotations

from flask_babel import gettext as _

from contentflow.config import settings


def promise(partner_name: str) -> str:
    """Return who asks, what comes and how often, and how it ends; “” where the name is not known."""
    who = partner_name or _("cette personne")
    return str(
        _(
            "Dites oui, et %(name)s pourra vous écrire par %(programme)s : des recommandations, souvent "
            "avec un clip, et leurs liens rémunérés. Un message par post, jamais deux fois le même. Ce sont "
            "des messages publicitaires ; chacun porte un lien pour tout arrêter en un clic.",
            name=who,
            programme=settings().programme,
        )
    )
