"""On what terms another registry is dealt with."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography import x509

from txregistry.client.agent import ClientCertificate
from txregistry.client.upstreams.limits import (
    USUAL_LIMITS,
    USUAL_PATIENCE,
    Limits,
    Patience,
)
from txregistry.client.upstreams.logins import LoginSource, ToldLogin


@dataclass(frozen=True, slots=True)
class Terms:
    """Who another registry is, who we are there, and how much it has to bear.

    Attributes:
        name: What it is called, in what clients are told as well.
        url: Where it is: ``https://registry-1.docker.io``. One of version 1 is where
            its Index is, or where it stands alone, without ``/v1``.
        login: Knows who we are there.
        authorities: Who vouches for it; None for those of the platform.
        client_certificate: What it is shown, if it wants one.
        proxy: The URL of a proxy, with a user and a password maybe.
        allow_private: Whether it may send us to addresses that are not public, even if
            it is at a public one itself.
        patience: How long it is waited for.
        limits: How much is asked of it, and taken from it.
        chance: A number from 0 to 1, another each time.
    """

    name: str
    url: str
    login: LoginSource = field(default_factory=ToldLogin)
    authorities: Sequence[x509.Certificate] | None = None
    client_certificate: ClientCertificate | None = None
    proxy: str | None = field(default=None, repr=False)
    allow_private: bool = False
    patience: Patience = USUAL_PATIENCE
    limits: Limits = USUAL_LIMITS
    chance: Callable[[], float] = random.random
