"""Regctl exports archives that are read, and imports ours."""

from tests.integration.archives import case
from tests.integration.clients.images import Image, Index


class RegctlTests(case.ExchangeCase):
    program = "regctl"

    def test_both_ways(self) -> None:
        targets: list[Image | Index] = [self.image, self.index]
        for target in targets:
            layout = self.directory / target.digest[7:]
            self.client.run(
                "image", "import", f"ocidir://{layout}:it", str(self.ours(target))
            )
            self.assertLayoutHolds(layout, target)
            path = self.directory / "theirs.tar"
            self.client.run("image", "export", f"ocidir://{layout}:it", str(path))
            self.assertEqual(str(self.theirs(path)), target.digest)
            self.assertHolds(target)
