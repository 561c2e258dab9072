"""What each note of a plan says, in words."""

from __future__ import annotations

from flask_babel import gettext as _


def sentence_of(code: str, name: str, count: int | None = None) -> str:
    """Return the sentence of a note; ``name`` is the platform's, ``count`` its limit."""
    sentences = {
        "no_app": lambda: _(
            "Le programme n’est pas relié à %(name)s : tout t’est remis pour le faire toi-même.", name=name
        ),
        "reauth": lambda: _("%(name)s demande que tu connectes ton compte à nouveau.", name=name),
        "no_video": lambda: _(
            "%(name)s ne prend que des vidéos : ce post n’y va pas en mots seuls.", name=name
        ),
        "not_approved": lambda: _("Valide d’abord ton clip : rien ne part avant."),
        "too_long": lambda: _(
            "Même raccourci, le texte dépasse les %(count)s caractères de ce compte.", count=count
        ),
        "too_large": lambda: _("Ton clip dépasse ce que %(name)s accepte : raccourcis-le.", name=name),
        "daily_limit": lambda: _(
            "Ce compte a déjà reçu ses %(count)s posts du jour : choisis plus tard.", count=count
        ),
        "text_shortened": lambda: _(
            "Le texte est raccourci à %(count)s caractères ; la mention et le lien restent.", count=count
        ),
        "words_only": lambda: _(
            "Seuls les mots partent : le lien montre l’aperçu de ton post, sans la vidéo."
        ),
        "link_not_clickable": lambda: _(
            "Sur %(name)s, le lien s’affiche mais ne s’ouvre pas d’un doigt.", name=name
        ),
        "no_link": lambda: _(
            "%(name)s n’accepte pas de lien dans le texte : mets-le dans ta bio.", name=name
        ),
        "lands_in_inbox": lambda: _(
            "La vidéo arrive dans la boîte de l’app %(name)s : c’est toi qui la publies.", name=name
        ),
        "private_forever": lambda: _(
            "Une vidéo envoyée d’ici resterait privée sur %(name)s : elle t’est remise à la place.", name=name
        ),
        "label_by_hand": lambda: _("Tu coches toi-même le label de partenariat sur %(name)s.", name=name),
        "video_late": lambda: _("Ton clip est encore en préparation."),
        "cannot_delete": lambda: _("Sur %(name)s, seul toi peux supprimer ce qui est publié.", name=name),
    }
    return str(sentences[code]())
