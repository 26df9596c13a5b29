"""A certificate authority for one test: right, wrong and expired certificates."""

import datetime as dt
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of one side, each readable by its owner alone.

    Attributes:
        ca: the authority this side trusts.
        cert: this side's certificate.
        key: its private key, encrypted where a passphrase was given.
    """

    ca: Path
    cert: Path
    key: Path


class Authority:
    """An authority that writes its files into ``folder``.

    Two of them are foreign to each other, whatever their names.
    """

    def __init__(self, folder: Path, name: str = "fleet lab CA") -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._name = _common_name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(self._name, self._name, self._key.public_key(), expired=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        builder = builder.add_extension(_key_usage(signs=True), True)
        self._cert = builder.sign(self._key, hashes.SHA256())
        self.ca = folder / "ca.pem"
        _write(self.ca, self._cert.public_bytes(serialization.Encoding.PEM))

    def server(self, *names: str, expired: bool = False) -> TlsFiles:
        """Issue a server's certificate for these DNS names and IP addresses."""
        return self._issue("server", list(names), ExtendedKeyUsageOID.SERVER_AUTH, expired, None)

    def client(
        self, name: str = "fleet", *, expired: bool = False, passphrase: str | None = None
    ) -> TlsFiles:
        """Issue a client's certificate."""
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._issue(f"client-{name}", [], usage, expired, passphrase)

    def _issue(
        self,
        stem: str,
        names: list[str],
        usage: x509.ObjectIdentifier,
        expired: bool,
        passphrase: str | None,
    ) -> TlsFiles:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _common_name(names[0] if names else stem)
        builder = _builder(subject, self._name, key.public_key(), expired=expired)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, False)
        if names:
            alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(alternatives, False)
        cert = builder.sign(self._key, hashes.SHA256())
        return self._write_files(stem, cert, key, passphrase)

    def _write_files(
        self,
        stem: str,
        cert: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
        passphrase: str | None,
    ) -> TlsFiles:
        number = len(list(self._folder.glob(f"{stem}-*-key.pem"))) + 1
        files = TlsFiles(
            self.ca,
            self._folder / f"{stem}-{number}-cert.pem",
            self._folder / f"{stem}-{number}-key.pem",
        )
        protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            protection = serialization.BestAvailableEncryption(passphrase.encode())
        pem = serialization.Encoding.PEM
        _write(files.cert, cert.public_bytes(pem))
        form = serialization.PrivateFormat.PKCS8
        _write(files.key, key.private_bytes(pem, form, protection))
        return files


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, expired: bool
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    end = now - dt.timedelta(days=1) if expired else now + dt.timedelta(days=30)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
    )


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
