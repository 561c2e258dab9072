"""Why a video could not be prepared: each reason once, with what the partner can do about it."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l


class Failure(StrEnum):
    """The code is kept on the asset; the sentence is for whoever reads, in their language."""

    PRIVATE_ADDRESS = "private_address"
    URL = "url"
    UNREACHABLE = "unreachable"
    TOO_SLOW = "too_slow"
    CLOSED = "closed"
    GONE = "gone"
    BUSY = "busy"
    ROBOT_CHECK = "robot_check"
    LIVE = "live"
    PROTECTED = "protected"
    NO_VIDEO = "no_video"
    TOO_LARGE = "too_large"
    PLAYLIST = "playlist"
    NOT_MEDIA = "not_media"
    UNKNOWN_FORMAT = "unknown_format"
    CODEC = "codec"
    ONLY_SOUND = "only_sound"
    CUT_OFF = "cut_off"
    UNREADABLE = "unreadable"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_FRAMES = "too_many_frames"
    SUBTITLES = "subtitles"
    OVERRAN = "overran"
    RENDER = "render"
    INTERRUPTED = "interrupted"
    SOURCE_GONE = "source_gone"
    UNAVAILABLE = "unavailable"
    NO_ROOM = "no_room"

    @property
    def may_pass(self) -> bool:
        """Whether the same video may do at another try, perhaps once somebody opened or mended something."""
        return self in _MAY_PASS


_MAY_PASS = {
    Failure.UNREACHABLE,
    Failure.CLOSED,
    Failure.BUSY,
    Failure.LIVE,
    Failure.RENDER,
    Failure.INTERRUPTED,
    Failure.UNAVAILABLE,
    Failure.NO_ROOM,
}

SENTENCES = {
    Failure.PRIVATE_ADDRESS: _l(
        "Cette adresse mène à un réseau privé : donne l’adresse publique de la vidéo, ou envoie le fichier."
    ),
    Failure.URL: _l("Cette adresse ne peut pas être suivie : vérifie-la, ou envoie plutôt le fichier."),
    Failure.UNREACHABLE: _l(
        "Le site de la vidéo n’a pas répondu : réessaie plus tard, ou envoie plutôt le fichier."
    ),
    Failure.TOO_SLOW: _l("Le site de la vidéo est trop lent : envoie plutôt le fichier."),
    Failure.CLOSED: _l(
        "Cette vidéo n’est visible qu’en étant connecté : rends-la publique, ou envoie plutôt le fichier."
    ),
    Failure.GONE: _l("Cette vidéo n’existe pas, ou plus : vérifie l’adresse, ou envoie le fichier."),
    Failure.BUSY: _l("Le site de la vidéo refuse pour le moment : réessaie plus tard, ou envoie le fichier."),
    Failure.ROBOT_CHECK: _l(
        "Ce site demande aux serveurs de prouver qu’ils sont humains : envoie plutôt le fichier."
    ),
    Failure.LIVE: _l("C’est un direct : attends qu’il soit terminé, ou envoie un extrait en fichier."),
    Failure.PROTECTED: _l("Cette vidéo est protégée contre la copie : envoie le fichier que tu as filmé."),
    Failure.NO_VIDEO: _l("Aucune vidéo n’a été trouvée à cette adresse : envoie plutôt le fichier."),
    Failure.TOO_LARGE: _l("Ce fichier est trop gros : exporte-le en plus petit, puis envoie-le à nouveau."),
    Failure.PLAYLIST: _l("C’est une liste de lecture, pas une vidéo : envoie le fichier de la vidéo."),
    Failure.NOT_MEDIA: _l("Ce fichier n’est ni une vidéo ni une photo : envoie un MP4, MOV, WebM ou JPEG."),
    Failure.UNKNOWN_FORMAT: _l(
        "Ce format n’est pas pris en charge : exporte ta vidéo en MP4, ou ta photo en JPEG."
    ),
    Failure.UNREADABLE: _l(
        "Ce fichier est abîmé ou incomplet : ouvre-le sur ton appareil, exporte-le et renvoie-le."
    ),
    Failure.CODEC: _l(
        "Le codec de cette vidéo n’est pas pris en charge : exporte-la en MP4 (H.264 et AAC), puis envoie-la."
    ),
    Failure.ONLY_SOUND: _l(
        "Ce fichier n’a que du son, sans images : exporte-le en vidéo avec une image, puis envoie-le."
    ),
    Failure.CUT_OFF: _l(
        "La fin de ce fichier manque : vérifie qu’il se lit jusqu’au bout sur ton appareil, puis renvoie-le."
    ),
    Failure.TOO_LONG: _l("Cette vidéo est trop longue : garde-en le meilleur passage et envoie-le."),
    Failure.TOO_SHORT: _l("Cette vidéo est trop courte : il faut au moins une demi-seconde d’images."),
    Failure.TOO_MANY_PIXELS: _l(
        "Cette image est trop grande : exporte-la en 4K au plus, puis envoie-la à nouveau."
    ),
    Failure.TOO_MANY_FRAMES: _l(
        "Cette vidéo a trop d’images par seconde : exporte-la en 60 images par seconde."
    ),
    Failure.SUBTITLES: _l("Ce fichier de sous-titres est illisible : envoie un fichier .srt."),
    Failure.OVERRAN: _l(
        "La préparation a pris trop de temps : exporte ta vidéo en 1080p et envoie-la à nouveau."
    ),
    Failure.RENDER: _l("Le montage n’a pas abouti : réessaie, ou exporte ta vidéo en MP4 et renvoie-la."),
    Failure.INTERRUPTED: _l("La préparation a été interrompue plusieurs fois : réessaie."),
    Failure.SOURCE_GONE: _l(
        "Le fichier d’origine n’est plus gardé : crée un nouveau post avec la vidéo pour la remonter."
    ),
    Failure.UNAVAILABLE: _l(
        "Ce serveur ne peut pas encore monter de vidéos : demande à l’équipe du programme de l’équiper."
    ),
    Failure.NO_ROOM: _l(
        "Ce serveur n’a plus assez de place pour une vidéo : préviens l’équipe du programme, puis réessaie."
    ),
}


class UnprocessableMedia(Exception):
    """This input cannot become a clip. ``is_passing``: the same input may work later."""

    def __init__(self, reason: Failure, *, is_passing: bool = False) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.is_passing = is_passing
