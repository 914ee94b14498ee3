"""Tests of ``txregistry/settings/ssh.py`` and ``sshchecks.py``."""

from tests.settings.test_checks import ChecksCase
from txregistry.settings.ssh import Ssh


class SshTests(ChecksCase):
    def test_nothing_listens_unless_told_so(self) -> None:
        found = self.load("").ssh
        self.assertEqual(found, Ssh())
        self.assertFalse(found.enabled)

    def test_where_and_who_is_enough(self) -> None:
        found = self.load("ssh: {listen: ['tcp:2222'], keys: k}").ssh
        self.assertEqual((found.listen, found.keys), (("tcp:2222",), "k"))
        self.assertTrue(found.enabled)

    def test_keys_may_be_there_before_anything_listens(self) -> None:
        self.assertFalse(self.load("ssh: {keys: k}").ssh.enabled)

    def test_somebody_must_be_known(self) -> None:
        self.refuse("ssh: {listen: ['tcp:2222']}", "ssh.keys: it is missing", "nobody")
        self.refuse("ssh: {listen: ['tcp:2222'], keys: ''}", "ssh.keys: it is missing")

    def test_what_cannot_be(self) -> None:
        rest = "listen: ['tcp:2222'], keys: k"
        self.refuse("ssh: {listen: [''], keys: k}", "ssh.listen: ''", "tcp:2222")
        self.refuse(f"ssh: {{{rest}, hostkey: ''}}", "ssh.hostkey: ''")
        self.refuse(f"ssh: {{{rest}, logintimeout: 0s}}", "ssh.logintimeout: 0s", "1s")
        self.refuse(f"ssh: {{{rest}, idletimeout: 48h}}", "ssh.idletimeout: 172800s")
        self.refuse(f"ssh: {{{rest}, maxconnections: 1}}", "ssh.maxconnections: 1")
        self.refuse(f"ssh: {{{rest}, password: true}}", "ssh.password")

    def test_rules_may_be_about_those_who_are_known_by_ssh_alone(self) -> None:
        rules = "auth: {rules: [{who: [alice], repositories: ['**'], may: [push]}]}"
        self.refuse(rules, "auth.rules: nobody can be known")
        self.load(f"{rules}\nssh: {{listen: ['tcp:2222'], keys: k}}")
