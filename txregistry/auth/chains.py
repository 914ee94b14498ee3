"""Chains of certificates that tokens bring along, in the header ``x5c``.

Source: RFC 7515, section 4.1.6; RFC 5280, section 6.
"""

import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    KeyUsage,
    load_der_x509_certificate,
)
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
)

from txregistry.auth.keysets import TrustedKey, certified_key

_LONGEST: Final = 4
"""Certificates in a chain."""

_RSA_BITS: Final = 4096
"""More make a signature slow to verify."""


class ChainError(ValueError):
    """A chain is not to be trusted; the sentence says why."""


def signing_key(
    chain: Sequence[str], authorities: Sequence[Certificate], now: float
) -> TrustedKey:
    """Give the key that the first certificate of a chain is for.

    Names do not count, nor for what extended use a key is: whoever the authorities
    certify may sign. Authorities with Ed25519 keys are not known to the verifier.

    Args:
        chain: Certificates in DER form, each as text by Base64.
        authorities: Who may have certified the last of them, or be the only one.
        now: Seconds since 1970.

    Returns:
        The key, as long as the whole chain is valid.

    Raises:
        ChainError: the chain is malformed or too long; it leads to no authority; one
            certificate is not valid at present, or certifies others without being
            allowed to; or the first one is not for signatures.
    """
    if not 0 < len(chain) <= _LONGEST:
        raise ChainError(f"The chain has not 1 to {_LONGEST} certificates.")
    try:
        return _verify([_load(text) for text in chain], authorities, now)
    except ChainError:
        raise
    except Exception as error:
        # What the parser raises is of many kinds, and of no common one.
        raise ChainError("The chain is malformed, or not trusted.") from error


def _load(text: str) -> Certificate:
    certificate = load_der_x509_certificate(base64.b64decode(text, validate=True))
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey) and key.key_size > _RSA_BITS:
        raise ChainError(f"A certificate has a key of more than {_RSA_BITS} bits.")
    return certificate


def _verify(
    chain: Sequence[Certificate], authorities: Sequence[Certificate], now: float
) -> TrustedKey:
    signer, *others = chain
    verifier = (
        PolicyBuilder()
        .store(Store(list(authorities)))
        .time(datetime.fromtimestamp(now, UTC))
        .extension_policies(ca_policy=_CERTIFIES, ee_policy=_SIGNS)
        .build_client_verifier()
    )
    trusted = certified_key(signer, "The certificate")
    if trusted is None:
        raise ChainError("The certificate has a key of an unknown type.")
    path = verifier.verify(signer, others).chain
    return replace(
        trusted,
        since=max(each.not_valid_before_utc.timestamp() for each in path),
        until=min(each.not_valid_after_utc.timestamp() for each in path),
    )


def _may_certify(policy: Policy, who: Certificate, usage: KeyUsage | None) -> None:
    del policy, who
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("It may not certify others.")


def _may_sign(policy: Policy, who: Certificate, usage: KeyUsage | None) -> None:
    del policy, who
    if usage is not None and not usage.digital_signature:
        raise ValueError("It is not for signatures.")


# That it is an authority at all, and how many may follow it, is always looked at.
_CERTIFIES: Final = (
    ExtensionPolicy.permit_all()
    .require_present(BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(KeyUsage, Criticality.AGNOSTIC, _may_certify)
)
_SIGNS: Final = ExtensionPolicy.permit_all().may_be_present(
    KeyUsage, Criticality.AGNOSTIC, _may_sign
)
