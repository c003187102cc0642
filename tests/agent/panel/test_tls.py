"""The panel's certificate."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from agent.panel.tls import DAYS, Certificate, NoCertificate, made
from tests.agent.panel.believable import NOW_MS
from tests.agent.panel.rig import settings

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Panel

NAMES = ["panel.local", "box", "localhost", "192.168.10.5", "127.0.0.1"]
A_DAY_MS = 86_400_000


def panel(**members: object) -> Panel:
    """Return a panel with TLS."""
    return settings(tls=True, **members).panel


def certificate(folder: Path, names: list[str] = NAMES, now_ms: int = NOW_MS) -> Certificate:
    """Return a certificate in use."""
    found = Certificate(panel(), folder, names)
    found.load(now_ms)
    return found


def read(folder: Path) -> x509.Certificate:
    """Return the made certificate."""
    return x509.load_pem_x509_certificate((folder / "tls.pem").read_bytes())


def test_a_made_certificate_is_what_browsers_want(tmp_path: Path) -> None:
    """P-256, on every name and address, for no longer than 825 days, for servers and for signing nothing."""
    certificate(tmp_path)
    found = read(tmp_path)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    key = found.public_key()

    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert names.get_values_for_type(x509.DNSName) == ["box", "localhost", "panel.local"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "192.168.10.5"]
    assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=DAYS)
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_key_is_private(tmp_path: Path) -> None:
    """Only the panel's user may read it."""
    certificate(tmp_path)

    assert (tmp_path / "tls.pem").stat().st_mode & 0o777 == 0o600


def test_old_protocols_are_refused(tmp_path: Path) -> None:
    """TLS 1.2 and later."""
    assert certificate(tmp_path).context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_it_is_kept_over_restarts(tmp_path: Path) -> None:
    """People have compared its fingerprint once."""
    before = certificate(tmp_path).fingerprint()

    assert certificate(tmp_path, now_ms=NOW_MS + 700 * A_DAY_MS).fingerprint() == before
    assert len(before) == 32 * 3 - 1


NEW = {
    "soon over": (NAMES, NOW_MS + 800 * A_DAY_MS),
    "over": (NAMES, NOW_MS + 4000 * A_DAY_MS),
    "not valid yet: the clock was set back": (NAMES, NOW_MS - 30 * A_DAY_MS),
    "another name": ([*NAMES, "works.example"], NOW_MS),
    "another address": ([*NAMES, "10.0.0.5"], NOW_MS),
}


@pytest.mark.parametrize("case", NEW)
def test_a_new_one_is_made_when_it_must_be(tmp_path: Path, case: str) -> None:
    """At the start: when it ends within a month, or is not made out to what the box is called now."""
    before = certificate(tmp_path).fingerprint()

    assert certificate(tmp_path, *NEW[case]).fingerprint() != before


def test_addresses_that_change_by_the_day_make_no_new_one(tmp_path: Path) -> None:
    """IPv6 addresses of a machine come and go."""
    before = certificate(tmp_path).fingerprint()

    assert certificate(tmp_path, [*NAMES, "fd00::1234", "fe80::1"]).fingerprint() == before


def test_it_is_renewed_while_the_panel_runs(tmp_path: Path) -> None:
    """In the same context, so that the next connection gets it; not before it is time."""
    found = certificate(tmp_path)
    context, before = found.context, found.fingerprint()

    assert not found.renew(NOW_MS + 700 * A_DAY_MS)
    assert found.renew(NOW_MS + 800 * A_DAY_MS)
    assert found.fingerprint() != before
    assert found.context is context


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    """A made certificate can always be made again."""
    for content in (b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\n"):
        (tmp_path / "tls.pem").write_bytes(content)
        assert certificate(tmp_path).fingerprint()


def own(folder: Path) -> Panel:
    """Return a panel with the site's own certificate."""
    return panel(cert_file=folder / "own.pem", key_file=folder / "own.pem")


def test_the_sites_own_certificate_is_taken_as_it_is(tmp_path: Path) -> None:
    """Nothing is made beside it; one that was exchanged is read anew."""
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    (tmp_path / "own.pem").write_bytes(made(["works.example"], now))
    found = Certificate(own(tmp_path), tmp_path, NAMES)
    found.load(NOW_MS)
    before = found.fingerprint()
    (tmp_path / "own.pem").write_bytes(made(["works.example"], now))

    assert not found.renew(NOW_MS + 4000 * A_DAY_MS)
    assert found.fingerprint() != before
    assert not (tmp_path / "tls.pem").exists()


@pytest.mark.parametrize("content", [None, b"", b"rubbish"])
def test_an_own_certificate_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    """The panel does not go on without TLS."""
    if content is not None:
        (tmp_path / "own.pem").write_bytes(content)

    with pytest.raises(NoCertificate, match=r"own\.pem"):
        Certificate(own(tmp_path), tmp_path, NAMES).load(NOW_MS)
