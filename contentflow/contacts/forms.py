"""What a partner types or sends for their book."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage
from wtforms import BooleanField, FileField, HiddenField, StringField, TextAreaField

from contentflow.contacts.invitations import ATTESTATION
from contentflow.core.ids import digest, new_id
from contentflow.mailing.addresses import Parsed, TooManyAddresses, parse_addresses

MAX_NONCE_LENGTH = 64


def _nonce(typed: str | None) -> str:
    typed = typed or new_id()
    is_plain = len(typed) <= MAX_NONCE_LENGTH and typed.isascii() and typed.isprintable()
    return typed if is_plain else digest(typed)


class AddForm(FlaskForm):
    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    emails = TextAreaField(_l("Adresses"))
    tags = StringField(_l("Étiquettes"))

    def read(self) -> Sequence[Parsed]:
        """Return what was typed, entry by entry; too many entries, or none, are an error at the field."""
        try:
            parsed = parse_addresses(self.emails.data or "")
        except TooManyAddresses:
            self.emails.errors = [
                str(_l("1 000 adresses au plus à la fois : pour plus, importe un fichier."))
            ]
            return []
        if not parsed:
            self.emails.errors = [str(_l("Il faut au moins une adresse."))]
        return parsed


class UploadForm(FlaskForm):
    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    file = FileField(_l("Fichier CSV"))
    nonce = HiddenField(filters=[_nonce])

    def read(self) -> tuple[bytes, str]:
        """Return the file and its name; none is an error at the field."""
        sent = self.file.data
        if not isinstance(sent, FileStorage) or not sent:
            self.file.errors = [str(_l("Choisis un fichier CSV."))]
            return b"", ""
        name = "".join(letter for letter in (sent.filename or "") if letter.isprintable())
        with sent.stream as file:
            return file.read(), name


class InviteForm(FlaskForm):
    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    consent = BooleanField(ATTESTATION)
    nonce = HiddenField(filters=[_nonce])
