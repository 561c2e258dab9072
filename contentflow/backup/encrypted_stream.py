"""A stream encrypted with a passphrase: compressed, then AES-256-GCM in blocks under a key made by scrypt.

A block's nonce holds its number and whether it is the last, so blocks can be neither changed, moved, repeated
nor cut off: the STREAM construction, https://eprint.iacr.org/2015/189. scrypt: RFC 7914.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from flask_babel import lazy_gettext as _l

from contentflow.core.errors import Refused

MAGIC = b"contentflow sealed 1\n"
SALT_BYTES, PREFIX_BYTES, TAG_BYTES = 16, 7, 16
BLOCK_BYTES = 1 << 20


class WrongPassphrase(Refused):
    message = _l(
        "BACKUP_PASSPHRASE n’ouvre pas cette sauvegarde : donnez la phrase avec laquelle elle a été faite."
    )


def key_from(passphrase: str, salt: bytes) -> bytes:
    """Return 32 bytes; 32 MB and about a tenth of a second, for whoever guesses too."""
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode())


def encrypt(parts: Iterable[bytes], passphrase: str, target: BinaryIO) -> None:
    salt, prefix = os.urandom(SALT_BYTES), os.urandom(PREFIX_BYTES)
    cipher = AESGCM(key_from(passphrase, salt))
    target.write(MAGIC + salt + prefix)
    for number, (block, is_last) in enumerate(_blocks(_compressed(parts))):
        target.write(cipher.encrypt(_nonce(prefix, number, is_last), block, None))


def decrypt(source: BinaryIO, passphrase: str) -> Iterator[bytes]:
    """Yield what was encrypted; raises ``WrongPassphrase`` at the first block that the key does not open."""
    header = source.read(len(MAGIC) + SALT_BYTES + PREFIX_BYTES)
    salt, prefix = header[len(MAGIC) : -PREFIX_BYTES], header[-PREFIX_BYTES:]
    if not header.startswith(MAGIC) or len(salt) != SALT_BYTES:
        raise WrongPassphrase
    cipher, whole = AESGCM(key_from(passphrase, salt)), zlib.decompressobj()
    number, block = 0, source.read(BLOCK_BYTES + TAG_BYTES)
    while block:
        following = source.read(BLOCK_BYTES + TAG_BYTES)
        try:
            yield whole.decompress(cipher.decrypt(_nonce(prefix, number, not following), block, None))
        except InvalidTag as error:
            raise WrongPassphrase from error
        number, block = number + 1, following
    yield whole.flush()


def _compressed(parts: Iterable[bytes]) -> Iterator[bytes]:
    small = zlib.compressobj(level=1)  # Slow processors: a backup takes as long as this does.
    for part in parts:
        yield small.compress(part)
    yield small.flush()


def _blocks(parts: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield blocks of one size, and what is left as the last, which may be empty."""
    held = bytearray()
    for part in parts:
        held += part
        while len(held) > BLOCK_BYTES:
            yield bytes(held[:BLOCK_BYTES]), False
            del held[:BLOCK_BYTES]
    yield bytes(held), True


def _nonce(prefix: bytes, number: int, is_last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([is_last])
