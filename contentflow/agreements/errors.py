"""Why a text is not published, or not accepted."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from contentflow.core.errors import Refused


class UnknownKind(Refused):
    message = _l("Ce texte n’a pas de nom connu : mandate.")


class EmptyText(Refused):
    message = _l("Ce fichier est vide, trop long ou n’est pas en UTF-8.")


class TextNotInForce(Refused):
    """Another version came between, or none is published."""

    status = 409
    message = _l("Ce texte a changé entre-temps : lis la nouvelle version avant de l’accepter.")
