"""What ``storage.swift`` may not be, beyond what its types say."""

from typing import Final
from urllib.parse import urlsplit

from txregistry.settings.section import SettingsError
from txregistry.settings.storage import Swift

_INTERFACES: Final = ("public", "internal", "admin")
_KEYSTONE: Final = 3


def check_swift(swift: Swift) -> None:
    """Refuse settings that contradict each other, or that nothing can come of.

    Raises:
        SettingsError: there is one.
    """
    _check_place(swift)
    if swift.endpointtype not in _INTERFACES:
        raise _refuse("endpointtype", swift.endpointtype, ", ".join(_INTERFACES))
    for method in swift.tempurlmethods:
        if method not in {"GET", "HEAD", "PUT", "POST", "DELETE"}:
            raise _refuse("tempurlmethods", method, "GET, HEAD")
    if swift.insecureskipverify and swift.cas:
        raise SettingsError(
            "storage.swift: give one of cas and insecureskipverify, not both: with the "
            "latter, nobody looks who signed a certificate."
        )
    _check_who(swift)


def _check_place(swift: Swift) -> None:
    try:
        parts = urlsplit(swift.authurl)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise _refuse(
            "authurl", swift.authurl, "a URL such as https://keystone.example:5000/v3"
        )
    if not swift.version:
        raise SettingsError(
            f"storage.swift.authversion: {swift.authurl!r} does not say which version "
            "it speaks; give 1, 2 or 3."
        )
    if not swift.container or "/" in swift.container:
        raise _refuse("container", swift.container, "a name without '/'")


def _check_who(swift: Swift) -> None:
    credential = swift.applicationcredentialid, swift.applicationcredentialsecret
    if any(credential):
        if not all(credential):
            raise SettingsError(
                "storage.swift: give both applicationcredentialid and "
                "applicationcredentialsecret, or neither."
            )
        if swift.version != _KEYSTONE:
            raise SettingsError(
                "storage.swift.applicationcredentialid: only version 3 knows "
                f"application credentials; {swift.authurl!r} speaks {swift.version}."
            )
        if swift.username or swift.password:
            raise SettingsError(
                "storage.swift: give either username and password, or an application "
                "credential, not both."
            )
        return
    for name in ("username", "password"):
        if not getattr(swift, name):
            raise SettingsError(f"storage.swift.{name}: it is missing.")


def _refuse(name: str, value: str, allowed: str) -> SettingsError:
    return SettingsError(
        f"storage.swift.{name}: {value!r} cannot be used; it must be {allowed}."
    )
