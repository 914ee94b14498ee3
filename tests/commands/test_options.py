"""Tests of ``txregistry/commands/options.py``."""

from typing import ClassVar

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from txregistry.commands.options import CommandOptions


class Fly(CommandOptions):
    """``fly``."""

    synopsis = "Usage: fly PLACE [options]"
    optParameters: ClassVar = [["speed", "s", "1", "How fast."]]
    optFlags: ClassVar = [["high", "h", "Whether high up."]]

    def parseArgs(self, place: str) -> None:  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        """Take where to."""
        self["place"] = place


class CommandOptionsTests(SynchronousTestCase):
    def parse(self, *arguments: str) -> dict[str, object]:
        """Read a command's arguments."""
        options = Fly()
        options.parseOptions(arguments)
        return dict(options)

    def test_options_stand_anywhere(self) -> None:
        wanted = {"place": "north", "speed": "2", "high": 1}
        for text in (
            "--speed 2 --high north",
            "north --speed=2 --high",
            "-s 2 north -h",
            "-hs2 north",
        ):
            self.assertEqual(self.parse(*text.split()), wanted, text)

    def test_what_follows_two_dashes_is_no_option(self) -> None:
        self.assertEqual(self.parse("-h", "--", "--speed")["place"], "--speed")

    def test_mistakes_are_told(self) -> None:
        for text in ("north --far", "--speed", "north south", ""):
            with self.assertRaises(usage.UsageError):
                self.parse(*text.split())

    def test_help_says_how_it_is_called(self) -> None:
        self.assertTrue(str(Fly()).startswith("Usage: fly PLACE [options]\n"))
