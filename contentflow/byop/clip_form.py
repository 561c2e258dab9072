"""What a partner may wish for when a clip is made again; empty fields leave things as they are."""

from __future__ import annotations

import math
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, FileField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice

from contentflow.byop.clips import FRAMINGS, Clip
from contentflow.pipeline.captions import Word
from contentflow.pipeline.reasons import SENTENCES, Reason, Unfit
from contentflow.pipeline.remaking import Remake
from contentflow.pipeline.srt import MOST_SRT_BYTES, read_srt

MOST_TEXT = 20_000


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
        if not clip.facts.get("words"):
            self.subtitles.label.text = str(_l("Tes sous-titres (.srt)"))
        return self

    @classmethod
    def of(cls, clip: Clip) -> ClipForm:
        start = clip.facts.get("start")
        form = cls(
            formdata=None,
            framing=clip.asset.wishes.get("framing", "auto"),
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
        if len(field.data or "") > MOST_TEXT:
            raise ValidationError(str(_l("C’est trop long pour des sous-titres : raccourcis un peu.")))

    def validate_subtitles(self, field: Field) -> None:
        try:
            self._uploaded = _read(field.data)
        except Unfit:
            raise ValidationError(str(SENTENCES[Reason.SUBTITLES])) from None

    def wanted(self, clip: Clip) -> Remake:
        """Return what differs from the clip that is there."""
        start = seconds_of(self.start.data) if self.start.data else None
        return Remake(
            framing=self.framing.data if self.framing.raw_data else None,
            start=None if start == clip.facts.get("start") else start,
            text=self.text.data if self.text.raw_data else None,
            subtitles=self._uploaded,
        )


def seconds_of(typed: str) -> float | None:
    """Read “12”, “12.5” or “12,5”; None for anything else."""
    try:
        seconds = float(typed.strip().replace(",", "."))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds < 100_000 else None


def _read(sent: Any) -> list[Word] | None:
    content = sent.stream.read(MOST_SRT_BYTES + 1) if hasattr(sent, "stream") else b""
    return read_srt(content) if content or getattr(sent, "filename", "") else None
