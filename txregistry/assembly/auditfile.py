"""Where the audit's records go: a file of its own, or the log."""

import os
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Audit
from txregistry.tasks import Blocking, detach

_MOST: Final = 16 * 1024 * 1024
"""Bytes that wait to be written; what comes then is counted, and lost."""


class AuditFile:
    """Append records to a file, each a line of JSON.

    It is opened for each batch, so that whoever rotates it need not tell us.

    Args:
        path: The file; only its owner may read it.
        blocking: Where it is written.
    """

    _log = Logger()

    def __init__(self, path: str, blocking: Blocking) -> None:
        self._path = path
        self._blocking = blocking
        self._waiting: list[bytes] = []
        self._size = 0
        self._lost = 0
        self._writing = False
        self._written: Deferred[None] | None = None

    def write(self, record: dict[str, Any]) -> None:
        """Append a record, soon."""
        line = msgspec.json.encode(record) + b"\n"
        if self._size + len(line) > _MOST:
            self._lost += 1
            self._log.error(
                "audit.file: {path!r} cannot keep up; {lost} records are lost so far",
                path=self._path,
                lost=self._lost,
            )
            return
        self._waiting.append(line)
        self._size += len(line)
        if not self._writing:
            self._writing = True
            self._written = detach(self._drain(), self._log, "writing the audit")

    async def close(self) -> None:
        """Wait until everything is written, or cannot be."""
        if self._written is not None:
            await self._written

    async def _drain(self) -> None:
        try:
            while self._waiting:
                lines, self._waiting, self._size = self._waiting, [], 0
                try:
                    await self._blocking(append, self._path, b"".join(lines))
                except OSError as error:
                    self._lost += len(lines)
                    self._log.error(
                        "audit.file: {path!r} cannot be written: {reason}; {lost} "
                        "records are lost so far",
                        path=self._path,
                        reason=error.strerror,
                        lost=self._lost,
                    )
        finally:
            self._writing = False


class AuditLog:
    """Write records to the log."""

    _log = Logger(namespace="txregistry.audit")

    def write(self, record: dict[str, Any]) -> None:
        """Write a record."""
        self._log.info("{record}", record=msgspec.json.encode(record).decode())

    async def close(self) -> None:
        """See `AuditFile`; there is nothing to wait for."""


def append(path: str, data: bytes) -> None:
    """Append to a file, which is made if need be; this blocks.

    Raises:
        OSError: it cannot be written whole.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def make_audit(audit: Audit, blocking: Blocking) -> AuditFile | AuditLog:
    """Make what takes the audit's records.

    Raises:
        SettingsError: its file cannot be written.
    """
    if audit.file is None:
        return AuditLog()
    try:
        if audit.enabled:
            append(audit.file, b"")
    except OSError as error:
        raise SettingsError(
            f"audit.file: {audit.file!r} cannot be written: {error.strerror}."
        ) from error
    return AuditFile(audit.file, blocking)
