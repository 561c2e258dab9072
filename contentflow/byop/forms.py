"""What a partner types: cleaned, counted, refused with a sentence at the field, never cut."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, FileField, HiddenField, StringField, TextAreaField, ValidationError

from contentflow import invisibles
from contentflow.byop import services
from contentflow.byop.services import Draft
from contentflow.byop.source_url import UrlProblem, problem_of
from contentflow.byop.words import Words, clean_line, clean_text, normalise_hashtags
from contentflow.core.errors import Refused
from contentflow.core.ids import digest, new_id
from contentflow.partners.sessions import current_partner
from contentflow.pipeline import arrivals
from contentflow.pipeline import services as pipeline

MAX_CHARACTERS = {"title": 120, "description": 2_000, "hashtags": 300, "cta": 200}

URL_SENTENCES = {
    UrlProblem.TOO_LONG: _l(
        "Cette adresse est trop longue : 2 048 caractères au plus. Colle le lien de partage."
    ),
    UrlProblem.UNREADABLE: _l("Cette adresse est illisible : copie-la à nouveau depuis la page de la vidéo."),
    UrlProblem.SCHEME: _l("Cette adresse doit commencer par https:// : copie-la en entier."),
    UrlProblem.CREDENTIALS: _l(
        "Cette adresse contient un identifiant ou un mot de passe : retire ce qui précède le « @ »."
    ),
    UrlProblem.NO_HOST: _l("Cette adresse n’a pas de domaine : vérifie ce qui suit « https:// »."),
    UrlProblem.PORT: _l(
        "Cette adresse utilise un port spécial : retire le « : » et le nombre qui suivent le domaine."
    ),
    UrlProblem.PRIVATE_ADDRESS: _l(
        "Cette adresse mène à un réseau privé : colle l’adresse publique de la vidéo."
    ),
}


def _line(typed: str | None) -> str:
    return clean_line(typed or "")


def _value(typed: str | None) -> str:
    return invisibles.strip_value(typed or "")


def _nonce(typed: str | None) -> str:
    """Return a nonce that can be kept: a foreign one in its digest, a missing one made."""
    typed = typed or new_id()
    return typed if re.fullmatch(r"[0-9A-Za-z_-]{1,64}", typed) else digest(typed)


def _not_too_long(form: Any, field: Any) -> None:
    max_length, length = MAX_CHARACTERS[field.name], len(field.data)
    if length > max_length:
        raise ValidationError(
            _(
                "%(max)s caractères au plus : il y en a %(length)s, raccourcis un peu.",
                max=max_length,
                length=length,
            )
        )


class CheckedForm(FlaskForm):
    class Meta:
        csrf = False  # Checked for every form at once, before the view.


class WordsForm(CheckedForm):
    """The words of a post; all of them may be empty."""

    title = StringField(_l("Titre"), [_not_too_long], [_line])
    description = TextAreaField(_l("Description"), [_not_too_long], [lambda typed: clean_text(typed or "")])
    hashtags = StringField(_l("Hashtags"), [_not_too_long], [lambda typed: normalise_hashtags(typed or "")])
    cta = StringField(_l("Appel à l’action"), [_not_too_long], [_line])

    def words(self) -> Words:
        return Words(**{name: self[name].data for name in MAX_CHARACTERS})

    def count_of(self, field: Field) -> str:
        """Return “34 / 120”."""
        return f"{len(field.data)} / {MAX_CHARACTERS[field.name]}"


class VideoForm(CheckedForm):
    """An address of a video, or the file itself."""

    source_url = StringField(_l("Colle l’URL d’une vidéo"), filters=[_value])
    video = FileField(_l("Ou envoie un fichier"))

    # What arrived in parts before the form: a file that is sent with it goes before.
    part = StringField(filters=[_value])

    def validate_part(self, field: Field) -> None:
        is_sent = arrivals.is_whole(current_partner().id, field.data) if field.data else True
        if not is_sent and not sent_file(self.video):
            field.data = ""
            self.video.errors = [str(_("L’envoi de ta vidéo s’est perdu : choisis-la à nouveau."))]
            raise ValidationError(self.video.errors[0])

    def validate_video(self, field: Field) -> None:
        if is_empty_file(field):
            raise ValidationError(
                str(_l("Ce fichier est vide : choisis-le à nouveau, ou exporte-le encore une fois."))
            )

    def validate_source_url(self, field: Field) -> None:
        # Where a file was sent, nobody follows the address.
        refusal = (
            problem_of(field.data)
            if field.data and not sent_file(self.video) and not self.part.data
            else None
        )
        if refusal is not None:
            raise ValidationError(str(URL_SENTENCES[refusal]))

    def demand(self, sent: Path | None) -> bool:
        """Put it at the field where there is neither an address nor a file; True when there is one."""
        if sent is None and not self.source_url.data:
            self.source_url.errors = [str(_("Colle l’adresse d’une vidéo, ou choisis un fichier."))]
        return not self.source_url.errors

    def sent(self) -> tuple[Path | None, str]:
        """Return where the file that was sent lies, and its SHA-256; reading it may take a while."""
        path = sent_file(self.video) or arrivals.find_whole(current_partner().id, self.part.data or "")
        if path is None:
            return None, ""
        with path.open("rb") as file:
            os.fsync(file.fileno())  # Now, or the transaction would hold up every other writer meanwhile.
            return path, hashlib.file_digest(file, "sha256").hexdigest()


class PostForm(WordsForm, VideoForm):
    offer_id = StringField(_l("Offre"), filters=[_value])
    # The page shows several offers and chooses none; other clients that name none mean the first.
    must_choose = HiddenField()
    nonce = HiddenField(filters=[_nonce])

    def validate_offer_id(self, field: Field) -> None:
        if self.must_choose.data and not field.data:
            raise ValidationError(str(_l("Choisis l’offre que tu partages.")))
        try:
            services.choose_offer(field.data)
        except Refused as refused:
            raise ValidationError(str(refused.message)) from None

    def draft(self) -> Draft:
        names = (*MAX_CHARACTERS, "source_url", "offer_id", "nonce")
        video, digest = self.sent()
        words = {name: self[name].data for name in names}
        original_id = pipeline.media().receive(video) if video else None
        return Draft(**words, video=video, video_digest=digest, original_id=original_id)


def is_empty_file(field: Any) -> bool:
    """Whether a file was chosen that has nothing in it; a browser sends none without a name."""
    if not getattr(field.data, "filename", ""):
        return False
    return not field.data.stream.seek(0, os.SEEK_END)


def sent_file(field: Any) -> Path | None:
    """Return where a file that was sent lies; None when none was chosen, or an empty one."""
    stream = getattr(field.data, "stream", None)
    if stream is None or not getattr(stream, "name", None):
        return None
    stream.flush()
    path = Path(stream.name)
    return path if path.stat().st_size else None
