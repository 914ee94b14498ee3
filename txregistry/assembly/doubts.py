"""What settings allow, and who gave them may not have meant."""

import os
import stat
from collections.abc import Iterator

from txregistry.assembly.listening import reaches_others
from txregistry.settings.sections import Settings


def find_doubts(settings: Settings, path: str | None = None) -> Iterator[str]:
    """Give sentences that say what to look at; this blocks.

    Args:
        settings: The settings, with what the role chose.
        path: Their file; None where there is none.
    """
    http, auth = settings.http, settings.auth
    first = (auth.rules or (None,))[0]
    is_open = first is not None and "everyone" in first.who and "admin" in first.may
    if is_open and not http.tls.requires_clients and reaches_others(http):
        yield (
            "Whoever reaches the registry may push and delete: it listens not only on "
            "loopback, and there is no auth to say who may."
        )
    secrets = {
        "http.tls.key": http.tls.key,
        "index.key": settings.index.key,
        "index.certificatekey": settings.index.certificatekey,
        "auth.endpoint.key": None if auth.endpoint is None else auth.endpoint.key,
    }
    for setting, secret in secrets.items():
        if _has_mode(secret, stat.S_IROTH):
            yield f"{setting}: {secret!r} can be read by everybody; chmod o-r."
    trusted = {"--config": path}
    if auth.htpasswd is not None:
        trusted["auth.htpasswd.path"] = auth.htpasswd.path
    if auth.token is not None:
        trusted["auth.token.jwks"] = auth.token.jwks
        trusted["auth.token.rootcertbundle"] = auth.token.rootcertbundle
    for setting, file in trusted.items():
        if _has_mode(file, stat.S_IWOTH):
            yield f"{setting}: {file!r} can be written by everybody; chmod o-w."


def _has_mode(path: str | None, bit: int) -> bool:
    try:
        return path is not None and bool(os.stat(path).st_mode & bit)
    except OSError:
        return False
