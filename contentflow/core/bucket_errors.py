"""What goes wrong with the bucket, by a word that can stand in any log."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from contentflow.core.errors import Refused

_GONE = {"NoSuchKey", "404", "NotFound"}
_REFUSALS = {
    "403",
    "AccessDenied",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "NoSuchBucket",
    "NoCredentialsError",
    "PartialCredentialsError",
    "PermanentRedirect",
    "QuotaExceeded",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}
_BROKEN_OFF = {"IncompleteReadError", "ResponseStreamingError", "TruncatedBody"}


class BucketFailed(Refused):
    """``word`` names what went wrong: an S3 error code, or the kind of a broken exchange."""

    status = 503
    message = _l(
        "Les vidéos ne répondent pas pour le moment : un nouvel essai dans un instant devrait suffire."
    )
    retry_after_seconds: int | None = 30

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word

    @property
    def is_refusal(self) -> bool:
        """Whether waiting alone mends nothing."""
        return self.word in _REFUSALS

    @property
    def has_broken_off(self) -> bool:
        """Whether an answer broke off: the next one may be whole."""
        return self.word in _BROKEN_OFF

    @property
    def is_answer(self) -> bool:
        """Whether the bucket is there at all."""
        return self.is_refusal or self.has_broken_off


class NoSuchObject(BucketFailed):
    """There is nothing of this name."""

    status = 404
    message = _l("Cette page n’existe pas, ou plus.")
    retry_after_seconds = None
    is_answer = True


def name_failure(error: Exception) -> BucketFailed:
    """Name what went wrong by a code alone: texts may hold keys, addresses or what somebody else wrote."""
    cause = error.__cause__ or error.__context__
    response = getattr(error, "response", None) or getattr(cause, "response", None)
    word = type(error).__name__
    if isinstance(response, dict):
        word = str(response.get("Error", {}).get("Code", word))[:64]
    if not word.isalnum():
        word = type(error).__name__
    return NoSuchObject(word) if word in _GONE else BucketFailed(word)
