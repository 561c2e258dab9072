"""An internet of one machine: public and private addresses, names, pages, certificates.

A script, run in network and mount namespaces of its own: ``unshare -nm python internet.py FOLDER``.
It reads orders as JSON, a line each, gets the video of an address with the product's own code,
unchanged, and says what came of it. Nothing that it sends can leave its namespaces.
"""

from __future__ import annotations

import fcntl
import json
import logging
import mimetypes
import resource
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import certifi
import dns.flags
import dns.message
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from contentflow.core.download import Limits
from contentflow.pipeline.fetch import fetch
from contentflow.pipeline.reasons import Unfit

PUBLIC = "93.184.216.34"
PRIVATE = ("127.0.0.1", "10.0.0.1", "169.254.169.254")
# A name has its addresses in turn, and keeps the last; any other name has the public one.
NAMES = {
    "inside.example.org": ["10.0.0.1"],
    "here.example.org": ["127.0.0.1"],
    "rebinding.example.org": [PUBLIC, "10.0.0.1"],
    "missing.example.org": [],
}
SIOCSIFADDR, SIOCSIFFLAGS = 0x8916, 0x8914
IFF_UP = 1

asked: Counter[str] = Counter()
pages: dict[str, Any] = {}
visits: list[str] = []
intrusions: list[str] = []


def open_addresses() -> None:
    """Give this machine's only interface, which leads nowhere, the addresses of a whole world."""
    assert [name for _, name in socket.if_nameindex()] == ["lo"], "this is no namespace of its own"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        for number, address in enumerate((PUBLIC, *PRIVATE[1:])):
            place = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16s16s", f"lo:{number}".encode(), place))


def mount(content: bytes, over: Path, folder: Path) -> None:
    """Put content in a system file's place, for this namespace alone."""
    stand_in = folder / over.name
    stand_in.write_bytes(content)
    subprocess.run(["mount", "--bind", str(stand_in), str(over.resolve())], check=True)


def certificate(folder: Path) -> Path:
    """Write the key and the certificate of every site here, which this namespace trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.org")])
    names = [x509.DNSName(each) for each in ("*.example.org", "framatube.org")]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    mount(made, Path(certifi.where()), folder)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    both = folder / "site.pem"
    both.write_bytes(secret + made)
    return both


def answer_names(door: socket.socket) -> None:
    while True:
        query, visitor = door.recvfrom(4096)
        message = dns.message.from_wire(query)
        answer = dns.message.make_response(message, recursion_available=True)
        question = message.question[0]
        if question.rdtype == dns.rdatatype.A:
            name = question.name.to_text(omit_final_dot=True)
            addresses = NAMES.get(name, [PUBLIC])
            asked[name] += 1
            for address in addresses[: asked[name]][-1:]:
                answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", "A", address))
        door.sendto(answer.to_wire(), visitor)


class Site(BaseHTTPRequestHandler):
    """Answers with what the order says about a path: a page, a status, {"to": …} or {"file": …}."""

    def do_GET(self) -> None:
        visits.append(self.path)
        what = pages.get(self.path, 404)
        if isinstance(what, list):  # In turn; the last one stays.
            what = what.pop(0) if len(what) > 1 else what[0]
        if isinstance(what, int):
            self.tell(what, {})
        elif isinstance(what, str):
            self.tell(200, {"Content-Type": "text/html; charset=utf-8"}, what.encode())
        elif "to" in what:
            self.tell(302, {"Location": what["to"]})
        else:
            path = Path(what["file"])
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            self.tell(200, {"Content-Type": kind} | what.get("headers", {}), path.read_bytes(), what)

    do_HEAD = do_GET

    def tell(self, status: int, headers: dict[str, str], body: bytes = b"", how: Any = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not (how or {}).get("times"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            for _ in range((how or {}).get("times", 1)):
                self.wfile.write(body)
                time.sleep((how or {}).get("pause", 0))

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    def verify_request(self, request: Any, client_address: Any) -> bool:
        if self.server_address[0] in PRIVATE:
            intrusions.append(str(self.server_address))
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # Whoever hangs up has had enough.


def open_sites(pem: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    for address in (PUBLIC, *PRIVATE):
        for port in (80, 443):
            server = Server((address, port), Site)
            if (address, port) == (PUBLIC, 443):
                server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    for memory in (asked, pages, visits, intrusions):
        memory.clear()
    pages.update(order["pages"])
    folder = Path(order["folder"])
    began = time.monotonic()
    try:
        file = fetch(order["url"], folder / "brought", folder, Limits(**order["limits"]))
        result: dict[str, Any] = {"file": str(file)}
    except Unfit as unfit:
        result = {"reason": unfit.reason, "is_passing": unfit.is_passing}
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    took = time.monotonic() - began
    heard = {"visits": visits, "intrusions": intrusions, "asked": asked}
    return result | heard | {"seconds": took, "most_mib": most}


def main(folder: Path) -> None:
    logging.basicConfig(stream=sys.stderr)
    open_addresses()
    mount(b"nameserver 127.0.0.1\n", Path("/etc/resolv.conf"), folder)
    mount(b"hosts: dns\n", Path("/etc/nsswitch.conf"), folder)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 53))
    threading.Thread(target=answer_names, args=(names,), daemon=True).start()
    open_sites(certificate(folder))
    for line in sys.stdin:
        print(json.dumps(carry_out(json.loads(line))), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
