"""An internet of one machine: addresses, names and certificates, in network and mount namespaces of its own.

``namespaces`` is the command that opens them; the rest is for the script that runs inside. Nothing that it
sends can leave them, and nothing that it mounts is seen outside.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

RESOLVER = "/etc/resolv.conf"
SIOCSIFADDR, SIOCSIFFLAGS = 0x8916, 0x8914
IFF_UP = 1


def namespaces() -> list[str]:
    """The command that opens new namespaces here, as root or as anybody; skips the test where none may."""
    refusal = ""
    for command in (["unshare", "-nm"], ["unshare", "-rnm"]):
        try:
            tried = subprocess.run(
                [*command, "mount", "--bind", RESOLVER, RESOLVER], capture_output=True, text=True
            )
        except FileNotFoundError as error:
            pytest.skip(f"no namespaces here: {error}")
        if tried.returncode == 0:
            return command
        refusal = tried.stderr.strip()
    pytest.skip(f"no namespaces here: {refusal}")


def open_addresses(addresses: Iterable[str]) -> None:
    """Give this machine's only interface, which leads nowhere, these addresses beside 127.0.0.1."""
    assert [name for _, name in socket.if_nameindex()] == ["lo"], "this is no namespace of its own"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        for number, address in enumerate(addresses):
            place = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16s16s", f"lo:{number}".encode(), place))


def mount(content: bytes, over: Path, folder: Path) -> None:
    """Put content in a system file's place, for this namespace alone."""
    stand_in = folder / over.name
    stand_in.write_bytes(content)
    subprocess.run(["mount", "--bind", str(stand_in), str(over.resolve())], check=True)


def answer_names(addresses_of: Callable[[str], Collection[str]], folder: Path) -> None:
    """Be this namespace's only name service; a name with no address is answered with nothing."""
    mount(b"nameserver 127.0.0.1\n", Path(RESOLVER), folder)
    mount(b"hosts: dns\n", Path("/etc/nsswitch.conf"), folder)
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.bind(("127.0.0.1", 53))
    threading.Thread(target=_answer, args=(door, addresses_of), daemon=True).start()


def _answer(door: socket.socket, addresses_of: Callable[[str], Collection[str]]) -> None:
    while True:
        query, visitor = door.recvfrom(4096)
        message = dns.message.from_wire(query)
        answer = dns.message.make_response(message, recursion_available=True)
        question = message.question[0]
        if question.rdtype == dns.rdatatype.A:
            for address in addresses_of(question.name.to_text(omit_final_dot=True)):
                answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", "A", address))
        door.sendto(answer.to_wire(), visitor)


def certificate(names: Iterable[str], folder: Path) -> Path:
    """Write key and certificate of these names; through certifi this namespace trusts who signed it."""
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    trusted = (
        _draft("Test authority", authority)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS, critical=True)
        .add_extension(identifier, critical=False)
    )
    made = (
        _draft("Test", own)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
    )
    mount(_signed(trusted, authority), Path(certifi.where()), folder)
    secret = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both = folder / "site.pem"
    both.write_bytes(secret + _signed(made, authority))
    return both


_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _signed(draft: x509.CertificateBuilder, authority: ec.EllipticCurvePrivateKey) -> bytes:
    return draft.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _draft(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    """A certificate of two days, not yet signed by the test's authority."""
    subject_name, issuer_name = (
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (subject, "Test authority")
    )
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject_name)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
