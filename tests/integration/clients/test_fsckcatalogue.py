"""Every broken tree of the catalogue is mended, and Distribution serves what it was."""

import os
from pathlib import Path

from tests.integration.clients.case import make_directory
from tests.integration.clients.programs import find
from tests.integration.clients.remote import Remote
from tests.integration.daemon import Peer
from tests.registry.case import NAME
from tests.registry.checking import files
from tests.registry.checking.catalogue import DEFECTS, Defect
from txregistry.model.manifests import parse_manifest

_KINDS = {
    "Accept": "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.oci.image.index.v1+json"
}
_STAYS = frozenset(
    {"file among tags", "manifest of schema 1", "strange file in a repository"}
)
"""What is only told, and is in the way of their lists or of their collection."""


class CatalogueTests(files.FilesCheckCase):
    def test_what_was_mended_is_served_and_collected(self) -> None:
        directory = make_directory(self)
        tree = directory / "tree"
        tree.symlink_to(self.root)
        peer = Peer(find("registry"), tree)
        self.addCleanup(peer.discard)
        remote = Remote(peer.host)
        for name, defect in DEFECTS.items():
            self.setUp()  # another tree
            defect.break_it(self)
            self.check(mend=True)
            self.lay(tree)
            try:
                self.check_served(remote, defect)
                if name not in _STAYS:
                    peer.collect("--dry-run")
                    remote.demand(200, "GET", f"/v2/{NAME}/tags/list")
            except AssertionError as error:
                error.add_note(name)
                raise

    def lay(self, tree: Path) -> None:
        """Let Distribution have another tree from now on."""
        new = tree.with_name("next")
        new.symlink_to(self.root)
        os.replace(new, tree)

    def check_served(self, remote: Remote, defect: Defect) -> None:
        """Pull what can be pulled, with all that it names."""
        for tag, data in defect.tags:
            path = f"/v2/{NAME}/manifests/{tag}"
            answer = remote.ask("GET", path, headers=_KINDS)
            if data is None:
                self.assertNotEqual(answer.status, 200, tag)
                continue
            self.assertEqual((answer.status, answer.body), (200, data), tag)
            manifest = parse_manifest(data, None)
            for child in manifest.children:
                path = f"/v2/{NAME}/manifests/{child.digest}"
                remote.demand(200, "GET", path, headers=_KINDS)
            for blob in manifest.blobs:
                remote.blob(str(NAME), str(blob.digest))
