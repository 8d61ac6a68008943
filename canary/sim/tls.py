"""A certificate authority for HTTPS on loopback."""

import os
import shutil
import ssl
import tempfile
import weakref
from pathlib import Path
from typing import Self

import trustme

NAMES = ("127.0.0.1", "::1", "localhost")


class Authority:
    """Signs certificates for loopback names. Providers may share one, so that clients trust a single file.

    Attributes:
        ca_file: the authority's certificate, which clients must trust.
    """

    def __init__(self, ca: trustme.CA, ca_file: Path) -> None:
        self._ca = ca
        self.ca_file = ca_file

    @classmethod
    def temporary(cls) -> Self:
        """A new authority; its file goes when it is no longer used."""
        folder = Path(tempfile.mkdtemp(prefix="canary-sim-"))
        authority = cls.kept(folder / "ca.pem")
        weakref.finalize(authority, shutil.rmtree, folder, ignore_errors=True)
        return authority

    @classmethod
    def kept(cls, ca_file: Path) -> Self:
        """The authority in ``ca_file`` with its key in ``ca_file.key``; both are made when they are not there.

        Raises:
            OSError: a file cannot be read or written.
            ValueError: a file holds no certificate or key.
        """
        key_file = ca_file.with_name(f"{ca_file.name}.key")
        if ca_file.exists() and key_file.exists():
            return cls(trustme.CA.from_pem(ca_file.read_bytes(), key_file.read_bytes()), ca_file)
        ca = trustme.CA(organization_name="canary simulator")
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(ca.private_key_pem.bytes())
        ca_file.write_bytes(ca.cert_pem.bytes())
        return cls(ca, ca_file)

    def context(self) -> ssl.SSLContext:
        """A server's TLS context with a fresh certificate for the loopback names."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(*NAMES).configure_cert(context)
        return context
