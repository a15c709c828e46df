"""Behind a proxy that does TLS: whose certificate it tells is who calls; others tell nothing."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from backend_help import WAIT_S, make_certificate, make_heartbeat
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from central_backend.embedded import EmbeddedBackend
from central_backend.peers import names_of
from central_backend.settings import Server, Settings

HEADER = "X-Client-Certificate"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Certificates by name, as DER."""
    place: Path = tmp_path_factory.mktemp("certificates")
    made = {code: make_certificate(code, place, None)[0] for code in ("LW042", "LW043")}
    return {code: one.public_bytes(Encoding.DER) for code, one in made.items()}


def pem(der: bytes) -> str:
    """As nginx's $ssl_client_escaped_cert has it."""
    lines = base64.encodebytes(der).decode()
    return quote(f"-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")


def field(der: bytes) -> str:
    """As RFC 9440 has it."""
    return f":{base64.b64encode(der).decode()}:"


def backend_behind(*proxies: str, header: str = HEADER) -> EmbeddedBackend:
    server = Server(trusted_proxies=proxies, client_certificate_header=header)
    return EmbeddedBackend(settings=Settings(server=server))


def beat(backend: EmbeddedBackend, headers: dict[str, str]) -> tuple[int, str]:
    """LW042 says how it is."""
    url = f"{backend.url}/v1/heartbeat"
    answer = requests.post(url, make_heartbeat("LW042"), headers=headers, timeout=WAIT_S)
    return answer.status_code, answer.json().get("code", "")


def test_a_trusted_proxy_tells_whose_certificate_it_saw(shown: dict[str, bytes]) -> None:
    wrong = (403, "wrong-terminal")
    with backend_behind("127.0.0.0/8") as backend:
        for spelt in (pem, field):
            assert beat(backend, {HEADER: spelt(shown["LW042"])}) == (200, "")
            forwarded = {"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Proto": "https"}
            told = {HEADER.lower(): spelt(shown["LW042"]), **forwarded}
            assert beat(backend, told) == (200, ""), "the proxy is trusted, not who is behind it"
            assert beat(backend, {HEADER: spelt(shown["LW043"])}) == wrong
        cut = pem(shown["LW042"][:-9])
        for nothing in ("", "::", ":LW042:", "LW042", "CN=LW042", "%ff", cut):
            assert beat(backend, {HEADER: nothing}) == wrong
        assert beat(backend, {}) == wrong


def test_anybody_elses_header_is_not_looked_at(shown: dict[str, bytes]) -> None:
    with backend_behind("10.0.0.1") as backend:
        assert beat(backend, {HEADER: pem(shown["LW042"])}) == (403, "wrong-terminal")


def test_without_mutual_tls_terminals_are_believed() -> None:
    with backend_behind("127.0.0.0/8", header="") as backend:
        assert beat(backend, {}) == (200, "")


@given(st.binary(max_size=60))
def test_what_is_no_certificate_names_nobody(data: bytes) -> None:
    assert names_of(data) == frozenset()
