"""What a partner may wish for when a clip is made again; empty fields leave things as they are."""

from __future__ import annotations

import math

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, FileField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice

from contentflow.byop.clips import FRAMINGS, Clip
from contentflow.pipeline.reasons import SENTENCES, Failure, UnprocessableMedia
from contentflow.pipeline.renders import RenderOptions
from contentflow.pipeline.srt import MAX_SRT_BYTES, read_srt

MAX_TEXT_LENGTH = 20_000


class ClipForm(FlaskForm):
    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    framing = SelectField(
        _l("Cadrage"),
        choices=[SelectChoice(*each) for each in FRAMINGS.items()],
        default="auto",
        validate_choice=False,
    )
    start = StringField(_l("Début du clip, en secondes"))
    text = TextAreaField(_l("Mots des sous-titres"))
    subtitles = FileField(_l("Ou tes sous-titres (.srt)"))

    def fit(self, clip: Clip) -> ClipForm:
        """Name the fields for what is there: without words to correct, a file is no second choice."""
        if not clip.result.words:
            self.subtitles.label.text = str(_l("Tes sous-titres (.srt)"))
        return self

    @classmethod
    def of(cls, clip: Clip) -> ClipForm:
        start = clip.result.start
        form = cls(
            formdata=None,
            framing=clip.asset.options.framing or "auto",
            start="" if start is None else f"{start:g}",
            text=clip.text,
        )
        return form.fit(clip)

    def validate_framing(self, field: Field) -> None:
        if field.data and field.data not in FRAMINGS:
            raise ValidationError(str(_l("Choisis un cadrage de la liste.")))

    def validate_start(self, field: Field) -> None:
        if field.data and seconds_of(field.data) is None:
            raise ValidationError(str(_l("Écris un nombre de secondes, par exemple 12.")))

    def validate_text(self, field: Field) -> None:
        if len(field.data or "") > MAX_TEXT_LENGTH:
            raise ValidationError(str(_l("C’est trop long pour des sous-titres : raccourcis un peu.")))

    def validate_subtitles(self, field: Field) -> None:
        try:
            content = field.data.stream.read(MAX_SRT_BYTES + 1) if hasattr(field.data, "stream") else b""
            self._uploaded = read_srt(content) if content or getattr(field.data, "filename", "") else None
        except UnprocessableMedia:
            raise ValidationError(str(SENTENCES[Failure.SUBTITLES])) from None

    def wanted(self, clip: Clip) -> RenderOptions:
        """Return what differs from the clip that is there."""
        start = seconds_of(self.start.data) if self.start.data else None
        return RenderOptions(
            framing=self.framing.data if self.framing.raw_data else None,
            start=None if start == clip.result.start else start,
            text=self.text.data if self.text.raw_data else None,
            subtitles=tuple((word.start, word.end, word.text) for word in self._uploaded or ()),
        )


def seconds_of(typed: str) -> float | None:
    """Read “12”, “12.5” or “12,5”; None for anything else."""
    try:
        seconds = float(typed.strip().replace(",", "."))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds < 100_000 else None
