"""What settings may not be, beyond what their types say."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from itertools import chain
from typing import Final

from txregistry.auth.addresses import Network, plain_network
from txregistry.auth.policy import ANONYMOUS, EVERYONE, WORDS
from txregistry.model.access import Action
from txregistry.settings.collection import check_collection
from txregistry.settings.debug import check_debug
from txregistry.settings.layoutchecks import check_layout
from txregistry.settings.mirrorchecks import check_mirror
from txregistry.settings.quotas import check_quotas
from txregistry.settings.replicationchecks import check_replication
from txregistry.settings.roles import ROLES, names_vendors, spoken_apis
from txregistry.settings.s3checks import check_s3
from txregistry.settings.scrub import check_scrub
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import (
    OPTIONAL_CLIENTS,
    REQUIRED_CLIENTS,
    Audit,
    Auth,
    Cors,
    Http,
    Index,
    Settings,
    Tls,
    TokenEndpoint,
    TokenService,
)
from txregistry.settings.sshchecks import check_ssh
from txregistry.settings.swiftchecks import check_swift
from txregistry.settings.workerchecks import check_workers

_CHOICES: Final = {
    "role": ROLES,
    "log.level": ("error", "warn", "info", "debug"),
    "log.formatter": ("text", "json", "logstash"),
    "http.tls.minimumtls": ("tls1.2", "tls1.3"),
}

_UNVERIFIED_CLIENTS: Final = ("request-client-cert", "require-any-client-cert")
_APIS: Final = ("v1", "v2")
_SHORTEST: Final = 0.1
"""Seconds in which another server can answer."""

_LEAST: Final = 60
_MOST: Final = 24 * 3600
"""Seconds for which a token may be good: clients take less than the least as that."""

_HOST_URL: Final = re.compile(
    r"https?://(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::[0-9]{1,5})?/?",
    re.ASCII,
)
_URL: Final = re.compile(r"https?://[A-Za-z0-9\[][!#-\[\]-~]*", re.ASCII)
_QUOTED: Final = re.compile(r"[ !#-\[\]-~]+", re.ASCII)
"""What can stand between quotes in a header, as it is."""
_ACTIONS: Final = tuple(map(str, Action))
_ENDPOINT: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?",
    re.ASCII,
)
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+: [\x20-\x7e]*", re.ASCII)


def check_settings(settings: Settings) -> None:
    """Refuse settings that contradict each other, or that nothing can come of.

    Raises:
        SettingsError: there is one.
    """
    for path, allowed in _CHOICES.items():
        value: object = settings
        for name in path.split("."):
            value = getattr(value, name)
        if value not in allowed:
            raise SettingsError(
                f"{path}: {value!r} cannot be used; allowed are: {', '.join(allowed)}."
            )
    storage = settings.storage
    kinds = ("filesystem", "inmemory", "ocilayout", "s3", "swift")
    given = [kind for kind in kinds if getattr(storage, kind) is not None]
    if len(given) > 1:
        raise SettingsError(f"storage: give one of {' and '.join(given)}, not both.")
    if storage.s3 is not None:
        check_s3(storage.s3)
    if storage.swift is not None:
        check_swift(storage.swift)
    check_layout(settings)
    if storage.maintenance.uploadpurging.interval <= 0:
        setting = "storage.maintenance.uploadpurging.interval"
        raise SettingsError(f"{setting}: 0 cannot be used: it must be longer.")
    if storage.filesystem is not None and not storage.filesystem.rootdirectory:
        raise SettingsError(
            "storage.filesystem.rootdirectory: '' cannot be used: it must be a folder."
        )
    _check_http(settings.http)
    check_workers(settings)
    _check_auth(settings.auth)
    _check_known(settings)
    _check_audit(settings.audit)
    if settings.role == "vendor" and settings.auth.rules is None:
        _check_vendors(settings.auth)
    _check_index(settings.index)
    check_mirror(settings.mirror, settings.proxy)
    _check_passing(settings)
    check_replication(settings.replication)
    check_collection(settings.collection)
    check_quotas(settings.quotas)
    check_scrub(settings.scrub)
    check_ssh(settings.ssh)
    _check_apis(settings)


def _check_passing(settings: Settings) -> None:
    for place, upstream in enumerate(settings.mirror.upstreams):
        if upstream.passthrough and settings.auth.token is not None:
            raise SettingsError(
                f"mirror.upstreams[{place}].passthrough: true cannot be used with "
                "auth.token: clients can be sent to one place for tokens, and these "
                "must come from here."
            )


def _check_http(http: Http) -> None:
    if http.host is not None and not _HOST_URL.fullmatch(http.host):
        raise SettingsError(
            f"http.host: {http.host!r} cannot be used: it must be how clients reach "
            "the registry, such as https://registry.example:5000."
        )
    check_networks("http.proxies", http.proxies)
    _check_proxies(http.proxies)
    _check_cors(http.cors)
    if http.idletimeout < 1:
        raise SettingsError(
            f"http.idletimeout: {http.idletimeout:g}s cannot be used: it must be 1s or "
            "longer."
        )
    for name, values in http.headers.items():
        for value in values:
            if not _HEADER.fullmatch(f"{name}: {value}"):
                raise SettingsError(
                    f"http.headers: {name!r}: {value!r} cannot be used: a name has "
                    "letters, digits and '-', a value printable ASCII characters."
                )
    _check_tls(http.tls)
    check_debug(http.debug)


def _check_proxies(proxies: Sequence[str]) -> None:
    networks = [plain_network(ip_network(text)) for text in proxies]
    merged: list[Network] = [
        *collapse_addresses(each for each in networks if isinstance(each, IPv4Network)),
        *collapse_addresses(each for each in networks if isinstance(each, IPv6Network)),
    ]
    if any(each.prefixlen == 0 for each in merged):
        raise SettingsError(
            f"http.proxies: {', '.join(proxies)} cannot be used: that is everywhere, "
            "and anybody would be believed who says to be somewhere else; name the "
            "proxies alone."
        )


def _check_tls(tls: Tls) -> None:
    if (tls.certificate is None) != (tls.key is None):
        raise SettingsError("http.tls: give both certificate and key, or neither.")
    if tls.clientcas and not tls.certificate:
        raise SettingsError("http.tls.clientcas: a certificate and key are needed too.")
    if tls.clientauth in _UNVERIFIED_CLIENTS:
        raise SettingsError(
            f"http.tls.clientauth: {tls.clientauth!r} cannot be used: nobody would "
            "verify the certificates of clients; allowed are: require, optional."
        )
    if tls.clientauth is not None:
        allowed = REQUIRED_CLIENTS + OPTIONAL_CLIENTS
        _check_words("http.tls.clientauth", (tls.clientauth,), allowed)
    for name in ("clientauth", "crls"):
        if getattr(tls, name) and not tls.clientcas:
            raise SettingsError(f"http.tls.{name}: http.tls.clientcas is needed too.")


def _check_cors(cors: Cors) -> None:
    for origin in cors.origins:
        if origin != "*" and not _HOST_URL.fullmatch(origin):
            raise SettingsError(
                f"http.cors.origins: {origin!r} cannot be used: it must be '*' or such "
                "as https://ui.example."
            )
    if cors.credentials and not cors.origins:
        raise SettingsError(
            "http.cors.credentials: http.cors.origins is needed too: no page may ask."
        )
    if cors.credentials and "*" in cors.origins:
        raise SettingsError(
            "http.cors: credentials cannot go to any page that asks: name the origins."
        )


def _check_index(index: Index) -> None:
    for endpoint in index.endpoints:
        if not _ENDPOINT.fullmatch(endpoint):
            raise SettingsError(
                f"index.endpoints: {endpoint!r} cannot be used; it must be 'host' or "
                "'host:port', as clients reach the registry."
            )
    if index.url is not None and index.trust:
        raise SettingsError("index: give one of url and trust, not both.")
    if index.is_elsewhere and index.alone:
        raise SettingsError(
            "index: with url or trust the Index is elsewhere; alone is for the one "
            "that is here."
        )
    if index.alone and not index.endpoints:
        raise SettingsError(
            "index.alone: the registries that it sends clients to must be named in "
            "index.endpoints."
        )
    if index.timeout < _SHORTEST:
        raise SettingsError(
            f"index.timeout: {index.timeout:g}s cannot be used: it must be "
            f"{_SHORTEST:g}s or longer, such as '5s'."
        )
    if (index.certificate is None) != (index.certificatekey is None):
        raise SettingsError(
            "index: give both certificate and certificatekey, or neither."
        )


def _check_words(path: str, words: Sequence[str], allowed: Sequence[str]) -> None:
    for word in words:
        if word not in allowed:
            raise SettingsError(
                f"{path}: {word!r} cannot be used; allowed are: {', '.join(allowed)}."
            )


def _check_auth(auth: Auth) -> None:
    for place, rule in enumerate(auth.rules or ()):
        _check_words(f"auth.rules[{place}].may", rule.may, _ACTIONS)
        check_networks(f"auth.rules[{place}].from", rule.networks)
    _check_groups(auth)
    if auth.htpasswd is not None:
        _check_quoted("auth.htpasswd.realm", auth.htpasswd.realm)
    if auth.certificates is not None:
        for place, each in enumerate(auth.certificates.names):
            setting = f"auth.certificates.names[{place}].from"
            _check_words(setting, (each.source,), ("cn", "dns", "email", "uri"))
        _check_words(
            "auth.certificates.groups", (auth.certificates.groups or "ou",), ("ou",)
        )
    if auth.token is not None:
        _check_token_service(auth.token)
    if auth.endpoint is not None:
        _check_endpoint(auth, auth.endpoint)


def _check_known(settings: Settings) -> None:
    """Refuse rules that keep everybody out, as nobody can be whom they are about."""
    auth = settings.auth
    if auth.knows_accounts or settings.index.is_elsewhere or settings.ssh.enabled:
        return
    nobody = {EVERYONE, ANONYMOUS}
    rules = auth.rules or ()
    if any(rule.may and nobody.intersection(rule.who) for rule in rules):
        return
    for place, rule in enumerate(rules, 1):
        if set(rule.who) - nobody:
            raise SettingsError(
                f"auth.rules: nobody can be known, as rule {place} wants it, and no "
                "rule gives anything to who is not: auth.htpasswd, auth.certificates "
                "or auth.token is needed too."
            )


def _check_audit(audit: Audit) -> None:
    if audit.file is not None and not audit.enabled:
        raise SettingsError(
            f"audit.file: {audit.file!r} cannot be used: nothing would be written "
            "there; give audit.enabled: true as well, or leave it out."
        )


def _check_groups(auth: Auth) -> None:
    for name, members in auth.groups.items():
        if not name or name.startswith("@") or not all(members):
            raise SettingsError(
                f"auth.groups: {name!r} cannot be used: a group has a name, without "
                "'@', and the names of who belongs to it."
            )
        if name in WORDS:
            raise SettingsError(
                f"auth.groups: {name!r} cannot be used: rules have words of their own: "
                f"{', '.join(sorted(WORDS))}; call the group otherwise."
            )
    if auth.certificates is not None and auth.certificates.groups is not None:
        return  # a group may be one that only certificates name
    known = [f"@{name}" for name in auth.groups]
    for place, rule in enumerate(auth.rules or ()):
        for who in rule.who:
            if who.startswith("@") and who not in known:
                raise SettingsError(
                    f"auth.rules[{place}].who: {who!r} cannot be used: auth.groups has "
                    f"no such group; allowed are: {', '.join(known) or 'none'}."
                )


def _check_vendors(auth: Auth) -> None:
    if auth.token is None and auth.knows_accounts and not names_vendors(auth):
        raise SettingsError(
            "auth.groups: {} cannot be used: the role 'vendor' needs a group 'vendor', "
            "or auth.certificates.groups; without, nobody could push."
        )


def _check_endpoint(auth: Auth, endpoint: TokenEndpoint) -> None:
    if endpoint.enabled and auth.token is not None:
        raise SettingsError(
            "auth: give one of token and endpoint, not both: clients can be sent to "
            "one place for tokens."
        )
    if endpoint.enabled and not auth.knows_accounts:
        raise SettingsError(
            "auth.endpoint: auth.htpasswd or auth.certificates is needed too: nobody "
            "could get a token."
        )
    if not _LEAST <= endpoint.lifetime <= _MOST:
        raise SettingsError(
            f"auth.endpoint.lifetime: {endpoint.lifetime:g}s cannot be used: it must "
            f"be from {_LEAST}s to {_MOST}s."
        )
    _check_quoted("auth.endpoint.issuer", endpoint.issuer)
    if endpoint.service is not None:
        _check_quoted("auth.endpoint.service", endpoint.service)


def _check_quoted(setting: str, text: str) -> None:
    if not _QUOTED.fullmatch(text):
        raise SettingsError(
            f"{setting}: {text!r} cannot be used: it must be of printable ASCII "
            "characters other than '\"' and '\\'."
        )


def _check_token_service(token: TokenService) -> None:
    if not _URL.fullmatch(token.realm):
        raise SettingsError(
            f"auth.token.realm: {token.realm!r} cannot be used: it must be the URL at "
            "which clients get tokens, such as https://auth.example/token."
        )
    if token.rootcertbundle is None and token.jwks is None:
        raise SettingsError(
            "auth.token: give rootcertbundle or jwks: who signs the tokens."
        )
    _check_quoted("auth.token.service", token.service)
    _check_quoted("auth.token.issuer", token.issuer)


def check_networks(setting: str, networks: Sequence[str]) -> None:
    """Refuse what is no network of IP addresses.

    Raises:
        SettingsError: one is none.
    """
    for text in networks:
        try:
            ip_network(text)
        except ValueError as error:
            raise SettingsError(
                f"{setting}: {text!r} cannot be used: it must be an IP address or a "
                "network such as 10.1.0.0/16."
            ) from error


def _check_apis(settings: Settings) -> None:
    http = settings.http
    mutual = bool(http.tls.clientcas)
    if settings.auth.certificates is not None and not mutual:
        raise SettingsError("auth.certificates: http.tls.clientcas is needed too.")
    apis = spoken_apis(http)
    for each in apis:
        _check_words("http.apis", each, _APIS)
        if not each:
            raise SettingsError("http.apis: () cannot be used; give v1, v2 or both.")
    if not settings.v1.enabled and "v2" not in set(chain.from_iterable(apis)):
        raise SettingsError(
            "v1.enabled: false, and http.apis leaves out v2: nothing would be served."
        )
    if settings.v1.maxlayer == 0:
        raise SettingsError("v1.maxlayer: 0 cannot be used: no layer has no bytes.")
