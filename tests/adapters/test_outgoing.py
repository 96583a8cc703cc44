"""Which addresses are public, by a table of those that are not but may look so."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from licet.adapters import outgoing
from licet.adapters.outgoing import OutgoingError, fetch, is_public

PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]
HOSTILE = [
    *(
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
    ),
    *("100.64.0.1", "192.0.0.9", "192.0.0.170", "192.0.2.1", "198.51.100.1", "203.0.113.1"),
    *("198.18.0.1", "198.19.255.255", "192.88.99.1", "240.0.0.1", "255.255.255.255"),
    *("224.0.0.1", "232.1.1.1", "239.255.255.250"),
    *("::1", "::", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "fec0::1"),
    # with an IPv4 address inside: mapped, compatible, translated, NAT64, 6to4, Teredo
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::7f00:1", "::ffff:0:a00:1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::a00:1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1", "2001:0:53aa:64c::1"),
    *("ff02::1", "ff0e::1", "100::1", "2001:db8::1", "3fff::1", "2001:10::1", "2001:2::1"),
    *("5f00::1", "4000::1", "2001:4:112::1"),
    *("", "localhost", "1.1.1", "01.1.1.1", "1.1.1.1%lo"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", HOSTILE)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "localhost"),
        *("[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[ff02::1]"),
        *("169.254.169.254", "[fd00:ec2::254]"),
    ],
)
def test_nothing_is_sent_to_them(host: str) -> None:
    """However it is written; port 9 is nobody's, so that an attempt would be a ConnectError."""
    with pytest.raises(OutgoingError) as refused:
        asyncio.run(fetch(f"http://{host}:9/", seconds=5, private=False))
    assert str(refused.value) in ("it goes to public addresses alone", "gaierror", "InvalidURL")


class Names:
    """A name server's answers for `rebinds.example`, one after the other; all else as ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.asked = 0
        self._answers = answers
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host != "rebinds.example":
            return self._real(host, port, *more, **named)
        given = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [found for each in given for found in self._real(each, port, *more, **named)]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.headers["Host"].encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server of this machine."""
    with HTTPServer(("127.0.0.1", 0), Handler) as made:
        if tls is not None:
            made.socket = tls.wrap_socket(made.socket, server_side=True)
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made.server_port
        made.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[int]:
    with serving() as port:
        yield port


def test_a_name_is_asked_once_and_what_was_judged_is_reached(
    monkeypatch: pytest.MonkeyPatch, server: int
) -> None:
    names = Names(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    url = f"http://rebinds.example:{server}/"
    body = asyncio.run(fetch(url, seconds=20, private=True))
    assert (body, names.asked) == (f"rebinds.example:{server}".encode(), 1)


def test_a_name_with_one_address_inside_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    for answers in (["1.1.1.1", "127.0.0.1"], ["2606:4700:4700::1111", "::ffff:10.0.0.1"]):
        Names(monkeypatch, answers)
        with pytest.raises(OutgoingError, match="public addresses alone"):
            asyncio.run(fetch("http://rebinds.example/", seconds=5, private=False))


def certificate(folder: Path, name: str) -> Path:
    """A certificate that vouches for itself, with its key, as a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


def test_only_a_server_that_an_authority_vouches_for_by_its_name_is_spoken_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = certificate(tmp_path, "localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(mine)

    def ask(host: str) -> bytes:
        return asyncio.run(fetch(f"https://{host}:{port}/", seconds=20, private=True))

    try:
        with serving(tls) as port:
            with pytest.raises(OutgoingError, match="ConnectError"):
                ask("localhost")
            monkeypatch.setattr(certifi, "where", lambda: str(mine))
            with pytest.raises(OutgoingError, match="ConnectError"):
                ask("localhost")  # who is trusted was read by then
            outgoing._authorities.cache_clear()
            assert ask("localhost") == f"localhost:{port}".encode()
            with pytest.raises(OutgoingError, match="ConnectError"):
                ask("127.0.0.1")
            # what goes with an http URL verifies nobody, and trusts nobody
            monkeypatch.setattr(outgoing, "_authorities", outgoing._nobody)
            with pytest.raises(OutgoingError, match="ConnectError"):
                ask("localhost")
    finally:
        monkeypatch.undo()
        outgoing._authorities.cache_clear()
