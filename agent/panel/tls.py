"""The panel's certificate: the site's own, or one it makes itself and renews before it expires.

A made one is for ECDSA P-256, on the names and IPv4 addresses the box goes by, valid for `DAYS`; key and certificate
are one file of the panel's, 0600. Browsers do not know who signed it, so people compare its fingerprint, which
``plantgate panel setup`` prints.
"""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.panel.safekeeping import keep

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from config.site import Panel

NAME: Final = "tls.pem"
DAYS: Final = 825
"""What browsers accept at most of a certificate that people trust by hand."""
RENEW_BEFORE: Final = timedelta(days=30)
_LONGEST_NAME: Final = 64


class NoCertificate(Exception):
    """The certificate cannot be used: ``str`` says which and why."""


class Certificate:
    """The certificate of a panel. `context` stays the same object when it is renewed."""

    def __init__(self, panel: Panel, folder: Path, names: Collection[str]) -> None:
        """`folder` is where a made one is kept, `names` what it is made out to."""
        self._own = None if panel.cert_file is None or panel.key_file is None else (panel.cert_file, panel.key_file)
        self._path = folder / NAME
        self._names = sorted(name for name in names if _is_stable(name))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])

    def load(self, now_ms: int) -> None:
        """Take the certificate into use, having made one if need be. Raises NoCertificate."""
        if self._own is None and not self._is_fit(now_ms, self._names):
            self._make(now_ms)
        self._use()

    def renew(self, now_ms: int) -> bool:
        """Make a new one when the old one ends soon, or read the site's own anew; return whether it was made."""
        is_due = self._own is None and not self._is_fit(now_ms, ())
        if is_due:
            self._make(now_ms)
        self._use()
        return is_due

    def fingerprint(self) -> str:
        """Return the SHA-256 fingerprint, as browsers show it. Raises NoCertificate."""
        digest = self._read().fingerprint(hashes.SHA256())
        return ":".join(f"{byte:02X}" for byte in digest)

    def _read(self) -> x509.Certificate:
        path = self._path if self._own is None else self._own[0]
        try:
            return x509.load_pem_x509_certificates(path.read_bytes())[0]
        except (OSError, ValueError) as error:
            raise NoCertificate(f"{path}: {_reason(error)}") from None

    def _is_fit(self, now_ms: int, names: Collection[str]) -> bool:
        """Whether the made certificate is there, valid for long enough, and made out to all `names`."""
        try:
            made = self._read()
            on = set(_names_on(made))
        except (NoCertificate, x509.ExtensionNotFound):
            return False
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        is_valid = made.not_valid_before_utc <= now <= made.not_valid_after_utc - RENEW_BEFORE
        return is_valid and set(names) <= on

    def _make(self, now_ms: int) -> None:
        try:
            keep(self._path, made(self._names, datetime.fromtimestamp(now_ms / 1000, UTC)))
        except OSError as error:
            raise NoCertificate(f"{self._path}: {_reason(error)}") from None

    def _use(self) -> None:
        cert, key = self._own or (self._path, self._path)
        try:
            self.context.load_cert_chain(cert, key, password=lambda: b"")  # never ask at a terminal
        except (OSError, ValueError) as error:
            raise NoCertificate(f"{cert}, {key}: {_reason(error)}") from None


def made(names: Collection[str], now: datetime) -> bytes:
    """Return a new key and a certificate signed with it, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    about = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, min(names, key=_by_looks)[:_LONGEST_NAME])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(about)
        .issuer_name(about)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a viewer's clock may be behind
        .not_valid_after(now + timedelta(days=DAYS - 1))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _is_stable(name: str) -> bool:
    """Whether a name or address stays: IPv6 addresses of a machine come and go by the day."""
    return ":" not in name or name == "::1"


def _by_looks(name: str) -> tuple[bool, bool, str]:
    """Order names so that what people call the box comes first."""
    return _address(name) is not None, name == "localhost", name


def _general(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _names_on(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName) + [str(one) for one in names.get_values_for_type(x509.IPAddress)]


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
