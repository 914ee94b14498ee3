"""Certificates for both ends, the same for all registries that are compared."""

import ssl
from pathlib import Path

from tests.authorities import Files, issue


class Certificates:
    """An authority, and what it certified: a server and a client, all of P-256.

    Args:
        folder: Where the files go.
    """

    def __init__(self, folder: Path) -> None:
        authority = issue("authority", authority=True)
        server, client = authority.issue("server"), authority.issue("client")
        files = Files(str(folder))
        #: The file of who certifies all others.
        self.authority = files.put("authority.pem", authority.pem)
        #: The file of the server's certificate.
        self.certificate = files.put("server.pem", server.pem)
        #: The file of the server's key.
        self.key = files.put("server.key", server.key_pem)
        #: The file of the client's key and certificate.
        self.known = files.put("client.pem", client.key_pem, client.pem)
        #: What a client has, if nothing is said of versions.
        self.usual = self.client(None)

    def settings(self) -> str:
        """Write ``http.tls`` of a config.yml: nobody comes in without a certificate."""
        return (
            f"{{certificate: {self.certificate}, key: {self.key},"
            f" clientcas: [{self.authority}], minimumtls: tls1.2}}"
        )

    def client(
        self, version: ssl.TLSVersion | None, *, known: bool = True
    ) -> ssl.SSLContext:
        """Make what a client needs.

        Args:
            version: What it speaks; None for the best that both can.
            known: Whether it has a certificate.
        """
        context = ssl.create_default_context(cafile=self.authority)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if known:
            context.load_cert_chain(self.known)
        return context
