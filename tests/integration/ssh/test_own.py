"""What our own SSH server refuses, and how it takes what clients do to it."""

import signal
import subprocess
from typing import ClassVar

from tests.integration.clients.programs import TIMEOUT
from tests.integration.daemon import LOOPBACK
from tests.integration.ssh import case
from tests.integration.ssh.case import archive_of, make_large
from tests.integration.tuned import wait_for

SIZE = 6 << 20


class OwnTests(case.OwnCase):
    def test_there_is_nothing_but_commands(self) -> None:
        self.assertIn("no shell", self.assertEnds(2))
        done = self.run_ssh("sftp", more=("-s",))
        self.assertEqual((done.returncode, done.stdout), (255, b""))
        log = self.server.log
        self.assertIn("was refused what is no command by SSH: subsystem", log)

    def test_nothing_is_forwarded(self) -> None:
        failing = ("-o", "ExitOnForwardFailure=yes")
        target = f"{LOOPBACK}:{self.server.port}"
        done = self.run_ssh(more=("-W", target))
        self.assertEqual((done.returncode, done.stdout), (255, b""))
        self.assertIn("was refused a channel by SSH: direct-tcpip", self.server.log)
        done = self.run_ssh("list", more=(*failing, "-R", f"0:{target}"))
        self.assertEqual(done.returncode, 255)
        self.assertIn("was refused forwarding by SSH: tcpip-forward", self.server.log)

    def test_other_ways_to_log_in_are_not_there(self) -> None:
        ways = "PreferredAuthentications=password,keyboard-interactive,hostbased"
        done = self.run_ssh("list", more=("-o", ways))
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"Permission denied (publickey)", done.stderr)
        done = self.run_ssh(
            "list", who="bob", more=("-o", "PubkeyAcceptedAlgorithms=ssh-rsa")
        )
        self.assertEqual(done.returncode, 255)

    def test_weak_algorithms_are_not_there(self) -> None:
        for option in (
            "Ciphers=aes128-cbc",
            "MACs=hmac-sha1",
            "KexAlgorithms=diffie-hellman-group14-sha1",
        ):
            done = self.run_ssh("list", more=("-o", option))
            self.assertEqual((done.returncode, done.stdout), (255, b""), option)

    def test_the_best_cipher_is_taken_unless_there_is_but_another(self) -> None:
        loud = ("-o", "LogLevel=DEBUG1")
        done = self.run_ssh("list", "none/", more=loud)
        self.assertIn(b"cipher: aes128-gcm@openssh.com", done.stderr)
        for cipher in ("aes256-ctr", "aes256-gcm@openssh.com"):
            done = self.run_ssh("help", more=("-o", f"Ciphers={cipher}"))
            self.assertEqual((done.returncode, done.stderr), (0, b""), cipher)

    def test_the_host_stays_the_same(self) -> None:
        self.ssh().run("list")
        self.server.restart()
        self.ssh().run("list")

    def test_keys_are_made_anew_on_the_way(self) -> None:
        image = make_large(SIZE)
        often = ("-o", "RekeyLimit=1M")
        archive = archive_of(image)
        self.ssh("alice", *often).run("put", "team/app:1", given=archive)
        got = self.ssh("alice", *often).run("get", "team/app:1")
        self.assertIn(image.layers[0].data, got)

    def test_who_is_killed_leaves_nothing(self) -> None:
        archive = archive_of(make_large(SIZE))
        client = subprocess.Popen(
            [*self.options("alice"), LOOPBACK, "put", "left/app:1"],
            stdin=subprocess.PIPE,
            env=self.environment,
        )
        assert client.stdin is not None
        client.stdin.write(archive[: SIZE // 2])
        client.stdin.flush()
        client.send_signal(signal.SIGKILL)
        client.wait(TIMEOUT)
        client.stdin.close()
        left = "ssh put left/app:1 130"
        wait_for(lambda: left in self.server.log, "the log says it", TIMEOUT)
        self.assertEqual(self.ssh().text("list", "left/"), "")
        self.ssh().run("put", "left/app:1", given=archive)

    def test_tells_what_there_is(self) -> None:
        image = make_large(1000)
        self.ssh().run("put", "told/app:1", given=archive_of(image))
        whole = self.ssh().run("get", "told/app:1")
        plan = self.ssh().json("plan", "told/app:1")
        self.assertEqual((plan["size"], plan["digest"]), (len(whole), image.digest))
        self.assertEqual(self.ssh().text("list", "told/"), "told/app")
        history = self.ssh().text("history", "told/app:1")
        self.assertTrue(history.startswith(f"{image.digest} 20"))
        self.ssh().run("rm", f"told/app@{image.digest}")
        self.assertEnds(3, "get", "told/app:1")
        self.assertEnds(4, "get", "told/app:1", who="bob")

    def test_several_commands_share_a_connection(self) -> None:
        control = ("-o", f"ControlPath={self.directory}/c")
        master = subprocess.Popen(
            [*self.options("alice", *control), "-M", "-N", LOOPBACK],
            stdin=subprocess.DEVNULL,
            env=self.environment,
        )
        try:
            wait_for((self.directory / "c").exists, "it is connected", TIMEOUT)
            before = self.server.log.count("logged in by SSH")
            archive = archive_of(make_large(SIZE))
            self.ssh("alice", *control).run("put", "a/b:1", given=archive)
            self.assertEqual(self.ssh("alice", *control).text("tags", "a/b"), "1")
            self.assertEqual(self.server.log.count("logged in by SSH"), before)
        finally:
            # Told to end, OpenSSH may wait for what its commands left to it.
            master.kill()
            master.wait(TIMEOUT)


class SilenceTests(case.OwnCase):
    ssh_settings: ClassVar = {"idletimeout": "1s"}

    def test_who_says_nothing_is_cut_off(self) -> None:
        silent = ("-o", "ServerAliveInterval=1", "-N")
        client = subprocess.run(
            [*self.options("alice", *silent), LOOPBACK],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            timeout=TIMEOUT,
            check=False,
        )
        self.assertEqual(client.returncode, 255)
        self.assertIn("nothing was heard for 1 s", self.server.log)

    def test_who_sends_nothing_is_cut_off(self) -> None:
        client = subprocess.Popen(
            [*self.options("alice"), LOOPBACK, "put", "team/app:1"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        )
        self.assertEqual(client.wait(TIMEOUT), 255)
        assert client.stdin is not None
        client.stdin.close()
        self.assertEqual(self.ssh().text("list"), "")
