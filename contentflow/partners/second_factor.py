"""The second factor: a TOTP code (RFC 6238) or a recovery code, each of which counts once.

A code is good for its own time step and the ones beside it, for clocks that go a little wrong. The last step
that was taken is kept: that step and all before it are over.
"""

from __future__ import annotations

import base64
import re
import secrets
from datetime import timedelta
from typing import Final

import pyotp
from sqlalchemy import delete, func, select, update

from contentflow.config import settings
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.encryption import decrypt, encrypt
from contentflow.core.ids import digest
from contentflow.core.signing import keyed_hash
from contentflow.core.writes import insert_missing
from contentflow.partners import locks
from contentflow.partners.errors import FactorLocked, FactorStands, NoFactor
from contentflow.partners.models import Partner, PartnerSession, Passkey, RecoveryCode, SecondFactor

TRIES: Final = 5
LOCKED: Final = timedelta(minutes=10)
RECOVERY_CODES: Final = 10
STEP_SECONDS: Final = 30
KEY_BYTES: Final = 20  # as SHA-1 gives (RFC 4226, 4)
_LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is read as another


def find(partner_id: str) -> SecondFactor | None:
    return db.session.get(SecondFactor, partner_id)


def is_set_up(partner_id: str) -> bool:
    """Whether a person has a second factor that guards them."""
    factor = find(partner_id)
    return factor is not None and factor.confirmed_at is not None


def offered_key(token_hash: str) -> str:
    """Return the key, in base32, that a session is offered until its first code; it is not written."""
    raw = keyed_hash(settings().secret_key[0].encode(), f"second factor:{token_hash}")
    return base64.b32encode(bytes.fromhex(raw)[:KEY_BYTES]).decode()


def address_of(partner: Partner, secret: str) -> str:
    """Return the ``otpauth://`` address that an app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=partner.email or "", issuer_name=settings().programme)


def confirm(partner_id: str, code: str, token_hash: str) -> list[str] | None:
    """Take the first code: from now on the factor guards; return the recovery codes, shown this once.

    None for a wrong code, which is counted: the caller commits. Raises ``FactorLocked``; ``FactorStands``
    once it is set up.
    """
    locks.lock_partner(partner_id)
    secret = encrypt(offered_key(token_hash))
    insert_missing(
        SecondFactor, partner_id=partner_id, secret=secret, last_step=0, wrong_tries=0, created_at=clock.now()
    )
    factor = locked(partner_id)
    if factor.confirmed_at is not None:
        raise FactorStands
    factor.secret = secret
    if not _take_code(factor, code):
        return None
    factor.confirmed_at = clock.now()
    _pass(token_hash)
    audit.note(partner_id, "second_factor.set_up", partner_id)
    return _new_recovery_codes(partner_id)


def check(partner_id: str, code: str, token_hash: str) -> bool:
    """Take a TOTP or recovery code for this session; False for a wrong one, which is counted.

    Raises ``FactorLocked`` and ``NoFactor``.
    """
    factor = locked(partner_id)
    if factor.confirmed_at is None:
        raise NoFactor
    if not (_take_code(factor, code) or _take_recovery(factor, code)):
        return False
    _pass(token_hash)
    return True


def renew_recovery(partner_id: str) -> list[str]:
    """Return ten new recovery codes, shown this once; the older ones end."""
    if locked(partner_id).confirmed_at is None:
        raise NoFactor
    audit.note(partner_id, "second_factor.recovery", partner_id)
    return _new_recovery_codes(partner_id)


def codes_left(partner_id: str) -> int:
    unused = (RecoveryCode.partner_id == partner_id, RecoveryCode.used_at.is_(None))
    return db.session.scalar(select(func.count()).select_from(RecoveryCode).where(*unused)) or 0


def reset(partner: Partner, actor: str, reason: str = "") -> None:
    """Take away every second factor of a locked partner; their sessions end. They set up a new one.

    Raises ``NoFactor`` where there is none.
    """
    if find(partner.id) is None:
        raise NoFactor
    erase(partner.id)
    db.session.execute(
        update(PartnerSession)
        .where(PartnerSession.partner_id == partner.id, PartnerSession.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )
    audit.note(actor, "second_factor.reset", partner.id, reason=reason)


def erase(partner_id: str) -> None:
    for model in (SecondFactor, RecoveryCode, Passkey):
        db.session.execute(delete(model).where(model.partner_id == partner_id))


def refuse_locked(factor: SecondFactor) -> None:
    """Raise ``FactorLocked`` while too many wrong codes were given."""
    now = clock.now()
    if factor.locked_until is not None and now < factor.locked_until <= now + LOCKED + clock.SLACK:
        raise FactorLocked(int((factor.locked_until - now).total_seconds()) + 1)


def count_wrong(factor: SecondFactor) -> None:
    factor.wrong_tries += 1
    if factor.wrong_tries >= TRIES:
        factor.wrong_tries, factor.locked_until = 0, clock.now() + LOCKED
        audit.note(factor.partner_id, "second_factor.locked", factor.partner_id)


def pass_session(factor: SecondFactor, token_hash: str) -> None:
    """Let a session go on: the person proved who they are."""
    factor.wrong_tries, factor.locked_until = 0, None
    _pass(token_hash)


def locked(partner_id: str) -> SecondFactor:
    """Return the factor, held until the transaction ends: two codes come one after the other."""
    locks.lock_partner(partner_id)
    found = select(SecondFactor).where(SecondFactor.partner_id == partner_id)
    factor = db.session.scalar(found.execution_options(populate_existing=True))
    if factor is None:
        raise NoFactor
    refuse_locked(factor)
    return factor


def _take_code(factor: SecondFactor, code: str) -> bool:
    digits = re.sub(r"\s", "", code)
    if re.fullmatch(r"[0-9]{6}", digits):
        totp, now = pyotp.TOTP(decrypt(factor.secret)), clock.now()
        this_step = int(now.timestamp()) // STEP_SECONDS
        for step in (this_step - 1, this_step, this_step + 1):
            is_it = secrets.compare_digest(totp.generate_otp(step), digits)
            if is_it and step > factor.last_step:
                factor.last_step, factor.wrong_tries = step, 0
                return True
    elif _recovery_form(code):
        return False  # Counted where it turns out to be none either.
    count_wrong(factor)
    return False


def _take_recovery(factor: SecondFactor, code: str) -> bool:
    written = _recovery_form(code)
    if not written:
        return False
    used = db.session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.code_hash == _hash(factor.partner_id, written), RecoveryCode.used_at.is_(None))
        .values(used_at=clock.now())
    )
    if used.rowcount:  # type: ignore[attr-defined]
        factor.wrong_tries = 0
        audit.note(factor.partner_id, "second_factor.recovery_used", factor.partner_id)
        return True
    count_wrong(factor)
    return False


def _recovery_form(code: str) -> str:
    """Return a recovery code as it is hashed; "" for what cannot be one."""
    written = re.sub(r"[\s-]", "", code.upper())
    return written if re.fullmatch(rf"[{_LETTERS}]{{12}}", written) else ""


def _new_recovery_codes(partner_id: str) -> list[str]:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.partner_id == partner_id))
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(12)) for _ in range(RECOVERY_CODES)]
    db.session.add_all(
        RecoveryCode(code_hash=_hash(partner_id, code), partner_id=partner_id) for code in codes
    )
    db.session.flush()
    return ["-".join(re.findall("....", code)) for code in codes]


def _hash(partner_id: str, code: str) -> str:
    return digest(f"{partner_id}:{code}")


def _pass(token_hash: str) -> None:
    db.session.execute(
        update(PartnerSession)
        .where(PartnerSession.token_hash == token_hash)
        .values(second_factor_at=clock.now())
    )
