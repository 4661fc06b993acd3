"""A real Postgres with TLS, from the system's package: the embedded one is built without OpenSSL."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from acme_orchestration.dev.ports import free_port

__all__ = ["Authority", "TlsPostgres", "programs"]


def programs() -> Path | None:
    """The folder of the newest installed server's programs, or ``None``."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]), reverse=True
    )
    return found[0].parent if found else None


class Authority:
    """A certificate authority of its own."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True
            )
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        """The authority's certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, host: str) -> tuple[str, str]:
        """Return a certificate for a host name, and its key, both in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key.public_key())
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), pem.decode()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )


@dataclass
class TlsPostgres:
    """A server on 127.0.0.1 whose certificate is for ``localhost`` alone."""

    bin: Path
    authority: Authority
    password: str
    user: str = "postgres"
    database: str = "postgres"

    def start(self) -> None:
        """Make the data folder, start the server and wait until it answers."""
        self.port = free_port()
        self._system_user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="acme_tls_pg_"))
        certificate, key = self.authority.issue("localhost")
        for name, content in (("server.crt", certificate), ("server.key", key), ("password", self.password)):
            (self._folder / name).write_text(content)
            (self._folder / name).chmod(0o600)
        if self._system_user:
            entry = pwd.getpwnam(self._system_user)
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        data = self._folder / "data"
        self._run(
            "initdb", "-D", str(data), "-U", self.user, "--pwfile", str(self._folder / "password"),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync",
        )  # fmt: skip
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": self._folder / "server.crt",
            "ssl_key_file": self._folder / "server.key",
        }
        self._process = subprocess.Popen(
            [self.bin / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("wb"),
            user=self._system_user,
            cwd="/",
            env=_environment(),
        )
        self._wait()

    def stop(self) -> None:
        """Stop the server and remove its data."""
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, host: str) -> str:
        """The connection string with the server under this host name or address."""
        return f"postgresql://{self.user}:{self.password}@{host}:{self.port}/{self.database}"

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("127.0.0.1"), connect_timeout=10).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.bin / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._system_user,
            cwd="/",
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
