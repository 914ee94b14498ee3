"""The cookies of one push or pull, kept as Go's cookie jar keeps them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class _Cookie:
    domain: str
    exact: bool
    path: str
    secure: bool
    value: str

    def fits(self, host: str, path: str, *, secure: bool) -> bool:
        """Whether it goes back with a request."""
        near = host == self.domain
        if not self.exact:
            near = near or host.endswith(f".{self.domain}")
        below = path == self.path or path.startswith(f"{self.path.rstrip('/')}/")
        return near and below and (secure or not self.secure)


class CookieJar:
    """Cookies, by name, host and path; ports do not matter."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], _Cookie] = {}

    def keep(self, host: str, path: str, line: str) -> None:
        """Take in the value of a ``Set-Cookie`` header.

        Args:
            host: Who sent it, without a port.
            path: The path that was asked for.
            line: The value.
        """
        pair, *rest = (part.strip() for part in line.split(";"))
        name, found, value = pair.partition("=")
        if not found or not name:
            return
        attributes = {
            key.strip().lower(): text.strip()
            for key, _, text in (part.partition("=") for part in rest)
        }
        domain = attributes.get("domain", "").lstrip(".").lower()
        if domain not in ("", host) and not host.endswith(f".{domain}"):
            return
        where = attributes.get("path", "")
        if not where.startswith("/"):
            where = path.partition("?")[0].rpartition("/")[0] or "/"
        key = (name, domain or host, where)
        self._cookies.pop(key, None)
        age = attributes.get("max-age", "1")
        if not (age.startswith("-") or age == "0"):
            secure = "secure" in attributes
            self._cookies[key] = _Cookie(key[1], not domain, where, secure, value)

    def header(self, host: str, path: str, *, secure: bool) -> str:
        """Give the value of the ``Cookie`` header of a request; "" for none."""
        fitting = [
            (len(cookie.path), name, cookie.value)
            for (name, _, _), cookie in self._cookies.items()
            if cookie.fits(host, path.partition("?")[0], secure=secure)
        ]
        fitting.sort(key=lambda found: -found[0])
        return "; ".join(f"{name}={value}" for _, name, value in fitting)
