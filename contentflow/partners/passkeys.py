"""Passkeys beside the code: a device signs a challenge of ours (WebAuthn, https://www.w3.org/TR/webauthn-2/).

A challenge belongs to one session, is good for five minutes and for one answer, right or wrong: an answer
that was given before is refused. They stand in for the code; who has one has set up codes before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select, update

from contentflow.config import settings
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.core.net import address_literal
from contentflow.partners import second_factor
from contentflow.partners.models import Partner, PartnerSession, Passkey

MOST: Final = 10
NAME_LENGTH: Final = 60
MAX_ANSWER: Final = 16_384
CHALLENGE_LASTS: Final = timedelta(minutes=5)


class WrongPasskey(Refused):
    message = _l("Cette clé d’accès n’a pas répondu comme il faut : recommencez.")


class WrongPasskeyName(Refused):
    message = _l("Le nom d’une clé d’accès fait de 1 à 60 caractères, sur une ligne.")


class TooManyPasskeys(Refused):
    status = 409
    message = _l("Dix clés d’accès au plus : retirez-en une.")


class PasskeyTaken(Refused):
    status = 409
    message = _l("Cette clé d’accès est déjà enregistrée.")


def list_passkeys(partner_id: str) -> Sequence[Passkey]:
    own = select(Passkey).where(Passkey.partner_id == partner_id)
    return list(db.session.scalars(own.order_by(Passkey.created_at)))


def is_offered() -> bool:
    """Whether browsers make passkeys for this site: they want a host's name, and https but on localhost."""
    host = _host()
    return address_literal(host) is None and (settings().is_https or host == "localhost")


def creation_options(partner: Partner, token_hash: str) -> str:
    """Return what ``navigator.credentials.create`` asks for, as JSON, and keep its challenge."""
    import webauthn  # Whoever sets up a passkey needs it, and nobody else.
    from webauthn.helpers import structs

    known = [
        structs.PublicKeyCredentialDescriptor(id=webauthn.base64url_to_bytes(one.credential_id))
        for one in list_passkeys(partner.id)
    ]
    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name=settings().programme,
        user_id=partner.id.encode(),
        user_name=partner.email or "",
        user_display_name=partner.name or partner.email or "",
        exclude_credentials=known,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.DISCOURAGED,
            user_verification=structs.UserVerificationRequirement.PREFERRED,
        ),
    )
    _keep_challenge(token_hash, options.challenge)
    return webauthn.options_to_json(options)


def request_options(partner_id: str, token_hash: str) -> str:
    """Return what ``navigator.credentials.get`` asks for, as JSON, and keep its challenge."""
    import webauthn
    from webauthn.helpers import structs

    known = [
        structs.PublicKeyCredentialDescriptor(id=webauthn.base64url_to_bytes(one.credential_id))
        for one in list_passkeys(partner_id)
    ]
    options = webauthn.generate_authentication_options(
        rp_id=_host(),
        allow_credentials=known,
        user_verification=structs.UserVerificationRequirement.PREFERRED,
    )
    _keep_challenge(token_hash, options.challenge)
    return webauthn.options_to_json(options)


def register(partner_id: str, name: str, answer: str, token_hash: str) -> None:
    """Keep a new passkey by a name.

    Raises ``WrongPasskeyName``, ``WrongPasskey``, ``TooManyPasskeys``, ``PasskeyTaken``, and ``NoFactor``
    before codes are set up.
    """
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise WrongPasskeyName
    second_factor.locked(partner_id)
    challenge = _take_challenge(token_hash)
    if challenge is None or len(answer) > MAX_ANSWER:
        raise WrongPasskey
    if len(list_passkeys(partner_id)) >= MOST:
        raise TooManyPasskeys
    try:
        made = webauthn.verify_registration_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=_host(), expected_origin=_origin()
        )
    except (WebAuthnException, ValueError) as error:
        raise WrongPasskey from error
    credential_id = webauthn.helpers.bytes_to_base64url(made.credential_id)
    if db.session.get(Passkey, credential_id) is not None:
        raise PasskeyTaken
    db.session.add(
        Passkey(
            credential_id=credential_id,
            partner_id=partner_id,
            public_key=made.credential_public_key,
            counter=made.sign_count,
            name=name,
        )
    )
    db.session.flush()
    audit.note(partner_id, "passkey.add", partner_id, after={"name": name})


def check(partner_id: str, answer: str, token_hash: str) -> bool:
    """Take a device's answer for this session; False for a wrong or repeated one, which is counted.

    Raises ``FactorLocked`` and ``NoFactor``.
    """
    factor = second_factor.locked(partner_id)
    challenge, passkey = _take_challenge(token_hash), _of_answer(partner_id, answer)
    counter = None if challenge is None or passkey is None else _counter(passkey, answer, challenge)
    if passkey is None or counter is None:
        second_factor.count_wrong(factor)
        return False
    passkey.counter, passkey.last_used_at = counter, clock.now()
    second_factor.pass_session(factor, token_hash)
    return True


def remove(partner_id: str, credential_id: str) -> None:
    """Raises ``NotFound``, also for another's."""
    own = (Passkey.credential_id == credential_id, Passkey.partner_id == partner_id)
    name = db.session.scalar(select(Passkey.name).where(*own)) if credential_id.isprintable() else None
    if name is None:
        raise NotFound
    db.session.execute(delete(Passkey).where(*own))
    audit.note(partner_id, "passkey.remove", partner_id, before={"name": name})


def number_of(partner_id: str) -> int:
    own = select(func.count()).select_from(Passkey).where(Passkey.partner_id == partner_id)
    return db.session.scalar(own) or 0


def _of_answer(partner_id: str, answer: str) -> Passkey | None:
    try:
        sent: Any = json.loads(answer) if len(answer) <= MAX_ANSWER else None
    except ValueError:
        return None
    credential_id = sent.get("id") if isinstance(sent, dict) else None
    if not isinstance(credential_id, str) or not credential_id.isascii() or not credential_id.isprintable():
        return None
    passkey = db.session.get(Passkey, credential_id)
    return passkey if passkey is not None and passkey.partner_id == partner_id else None


def _counter(passkey: Passkey, answer: str, challenge: bytes) -> int | None:
    """Return the device's new counter; None where the answer does not fit."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.counter,
        )
    except (WebAuthnException, ValueError):
        return None
    return verified.new_sign_count


def _keep_challenge(token_hash: str, challenge: bytes) -> None:
    own = update(PartnerSession).where(PartnerSession.token_hash == token_hash)
    db.session.execute(own.values(challenge=challenge, challenged_at=clock.now()))


def _take_challenge(token_hash: str) -> bytes | None:
    """Return the challenge that this session was given, once; the person's row is held meanwhile."""
    own = PartnerSession.token_hash == token_hash
    kept = select(PartnerSession.challenge, PartnerSession.challenged_at).where(own)
    row = db.session.execute(kept).first()
    db.session.execute(update(PartnerSession).where(own).values(challenge=None, challenged_at=None))
    challenge, challenged_at = row if row is not None else (None, None)
    if challenge is None or challenged_at is None:
        return None
    is_in_time = -clock.SLACK <= clock.now() - challenged_at <= CHALLENGE_LASTS
    return bytes(challenge) if is_in_time else None


def _host() -> str:
    return urlsplit(settings().public_base_url).hostname or ""


def _origin() -> str:
    parts = urlsplit(settings().public_base_url)
    return f"{parts.scheme}://{parts.netloc}"
