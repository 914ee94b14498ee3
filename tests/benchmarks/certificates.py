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
        self._authority = files.put("authority.pem", authority.pem)
        self._certificate = files.put("server.pem", server.pem)
        self._key = files.put("server.key", server.key_pem)
        self._client = files.put("client.pem", client.key_pem, client.pem)
        #: What a client has, if nothing is said of versions.
        self.usual = self.client(None)

    def settings(self) -> str:
        """Write ``http.tls`` of a config.yml: nobody comes in without a certificate."""
        return (
            f"{{certificate: {self._certificate}, key: {self._key},"
            f" clientcas: [{self._authority}], minimumtls: tls1.2}}"
        )

    def client(
        self, version: ssl.TLSVersion | None, *, known: bool = True
    ) -> ssl.SSLContext:
        """Make what a client needs.

        Args:
            version: What it speaks; None for the best that both can.
            known: Whether it has a certificate.
        """
        context = ssl.create_default_context(cafile=self._authority)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if known:
            context.load_cert_chain(self._client)
        return context
