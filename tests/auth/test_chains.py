"""Tests of ``txregistry/auth/chains.py``."""

import base64
from warnings import catch_warnings, simplefilter

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.bearertokens import ED, NOW, OTHER, P256, P384, P521, rsa_key
from tests.auth.chained import (
    BETWEEN,
    HOUR,
    ROOT,
    Certified,
    authority,
    certify,
    usage,
)
from txregistry.auth.chains import ChainError, signing_key
from txregistry.auth.keysets import TrustedKey

SIGNER = certify("signer", P521, BETWEEN, usage(sign=True))
FOREIGN = certify("root", P384, None, authority(), usage(certify=True))


class SigningKeyTests(SynchronousTestCase):
    def key(self, *chain: Certified, now: float = NOW) -> TrustedKey:
        """Give the key of a chain."""
        texts = [certified.text for certified in chain]
        return signing_key(texts, [ROOT.certificate], now)

    def refuse(self, *chain: Certified, now: float = NOW) -> None:
        with self.assertRaises(ChainError):
            self.key(*chain, now=now)

    def test_is_that_of_the_first_certificate(self) -> None:
        key = self.key(SIGNER, BETWEEN)
        self.assertEqual(key.key, P521.public_key())
        self.assertEqual(key.algorithms, {"ES512"})

    def test_chain_may_have_its_authority(self) -> None:
        self.assertEqual(self.key(SIGNER, BETWEEN, ROOT), self.key(SIGNER, BETWEEN))

    def test_signer_may_be_certified_by_the_authority(self) -> None:
        for key in (ED, P256, rsa_key()):
            chain = certify("signer", key, ROOT, usage(sign=True))
            self.assertEqual(self.key(chain).key, key.public_key())

    def test_signer_may_say_nothing_of_its_use(self) -> None:
        self.assertEqual(self.key(certify("s", ED, ROOT)).key, ED.public_key())

    def test_signer_may_be_an_authority_by_itself(self) -> None:
        alone = certify("alone", ED, None, usage(sign=True))
        key = signing_key([alone.text], [ROOT.certificate, alone.certificate], NOW)
        self.assertEqual(key.key, ED.public_key())

    def test_extended_use_does_not_count(self) -> None:
        extended = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        key = self.key(certify("s", ED, ROOT, extended))
        self.assertEqual(key.key, ED.public_key())

    def test_key_is_trusted_while_the_whole_chain_is_valid(self) -> None:
        between = certify("between", P384, ROOT, authority(), since=-60, until=2 * HOUR)
        key = self.key(certify("s", ED, between, since=-HOUR, until=30), between)
        self.assertEqual((key.since, key.until), (NOW - 60, NOW + 30))

    def test_expired_signer_is_refused(self) -> None:
        self.refuse(certify("s", ED, ROOT, until=-1))

    def test_future_signer_is_refused(self) -> None:
        self.refuse(certify("s", ED, ROOT, since=60))

    def test_expired_certificate_between_is_refused(self) -> None:
        between = certify("between", P384, ROOT, authority(), until=-1)
        self.refuse(certify("s", ED, between), between)

    def test_expired_authority_is_refused(self) -> None:
        signer = certify("s", ED, ROOT, until=9 * HOUR)
        self.key(signer)
        self.refuse(signer, now=NOW + 2 * HOUR)

    def test_other_authority_of_the_same_name_is_refused(self) -> None:
        self.refuse(certify("s", ED, FOREIGN))
        self.refuse(certify("s", ED, FOREIGN), FOREIGN)
        self.refuse(FOREIGN)

    def test_who_certifies_themselves_is_refused(self) -> None:
        self.refuse(certify("s", ED))

    def test_missing_link_is_refused(self) -> None:
        self.refuse(SIGNER)
        self.refuse(SIGNER, ROOT)

    def test_no_authority_trusts_nobody(self) -> None:
        with self.assertRaises(ChainError):
            signing_key([SIGNER.text, BETWEEN.text, ROOT.text], [], NOW)

    def test_who_may_not_certify_is_no_link(self) -> None:
        for extensions in (
            (),
            (usage(sign=True),),
            (x509.BasicConstraints(ca=False, path_length=None),),
            (authority(), usage(sign=True)),
        ):
            between = certify("between", P384, ROOT, *extensions)
            self.refuse(certify("s", ED, between), between)

    def test_link_that_is_too_far_down_is_refused(self) -> None:
        below = certify("below", ED, BETWEEN, authority(), usage(certify=True))
        self.refuse(certify("s", OTHER, below), below, BETWEEN)

    def test_who_is_not_for_signatures_is_refused(self) -> None:
        self.refuse(certify("s", ED, ROOT, usage()))
        self.refuse(BETWEEN)
        self.refuse(ROOT)

    def test_unknown_critical_extension_is_refused(self) -> None:
        odd = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        self.refuse(certify("s", ED, ROOT, odd))

    def test_weak_key_is_refused(self) -> None:
        self.refuse(certify("s", rsa_key(1024), ROOT))

    def test_slow_key_is_refused(self) -> None:
        self.refuse(certify("s", rsa_key(4104), ROOT))

    def test_unknown_curve_is_refused(self) -> None:
        key = ec.generate_private_key(ec.SECP256K1())
        self.refuse(certify("s", key, ROOT))

    def test_empty_chain_is_refused(self) -> None:
        self.refuse()

    def test_long_chain_is_refused(self) -> None:
        self.key(SIGNER, BETWEEN, ROOT, ROOT)
        self.refuse(SIGNER, BETWEEN, ROOT, ROOT, ROOT)

    def test_other_forms_of_a_certificate_are_refused(self) -> None:
        good = SIGNER.text
        safe = good.replace("+", "-").replace("/", "_")
        self.assertNotEqual(good, safe)
        der = base64.b64decode(good)
        for text in (
            "",
            "=",
            safe,
            f" {good}",
            f"{good}\n",
            "é",
            SIGNER.pem.decode(),
            base64.b64encode(der + b"\0").decode(),
            base64.b64encode(der[:-1]).decode(),
        ):
            with self.assertRaises(ChainError):
                signing_key([text, BETWEEN.text], [ROOT.certificate], NOW)

    @given(st.data())
    def test_changed_certificate_is_refused(self, data: st.DataObject) -> None:
        der = bytearray(base64.b64decode(SIGNER.text))
        place = data.draw(st.integers(0, len(der) - 1))
        der[place] ^= data.draw(st.integers(1, 255))
        changed = base64.b64encode(der).decode()
        with self.assertRaises(ChainError), catch_warnings():
            simplefilter("ignore")  # what cryptography says of what it still reads
            signing_key([changed, BETWEEN.text], [ROOT.certificate], NOW)

    @given(
        st.lists(st.text() | st.binary().map(lambda d: base64.b64encode(d).decode()))
    )
    def test_any_texts_are_refused(self, texts: list[str]) -> None:
        with self.assertRaises(ChainError):
            signing_key(texts, [ROOT.certificate], NOW)
