"""Runs `hapiish run` as a process, for tests of the command line."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Run:
    """A server started by `hapiish run`: `with Run(table) as server: server.get("/")`. Waits until it listens."""

    def __init__(self, table: Path, *options: str, port: str | None = "0", **env: str) -> None:
        self._errors = table.parent / "stderr.txt"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hapiish", "run", str(table), *(("--port", port) if port else ()), *options],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ | env,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        found = re.search(r"(https?://|unix:)\S+", self.said)
        self.address = found[0] if found else ""

    def __enter__(self) -> Self:
        assert self.address, self.errors
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks it to end; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit status, when it ends by itself."""
        with self.process:
            return self.process.wait(timeout=60)

    def call(self, method: str, path: str, payload: Any = None) -> tuple[int, Any]:
        """Status and body of an answer."""
        body = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(
            self.address + path, body, {"content-type": "application/json"} if body else {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)

    def get(self, path: str) -> tuple[int, Any]:
        """As `call`."""
        return self.call("GET", path)


def certify(folder: Path, passphrase: bytes) -> None:
    """A key and a certificate for 127.0.0.1 that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(hours=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    encryption = serialization.BestAvailableEncryption(passphrase)
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, encryption))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
