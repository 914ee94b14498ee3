"""Settings of Distribution's, with content elsewhere: they are taken unchanged."""

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from tests.integration.clients import case
from tests.integration.clients.images import make_image
from tests.integration.clients.programs import find
from tests.integration.clients.remote import Remote
from tests.integration.clients.test_stock import Stock
from tests.integration.stores import service, stored
from tests.integration.stores.stored import MIB

CHECK = "from txregistry.commands.main import main; main()"
LIMIT = 60.0
"""Seconds that a check of settings may take."""


class StockStoreTests(case.ClientCase):
    """All that is in Distribution's documentation, with what the service can do."""

    begins = False

    def setUp(self) -> None:
        super().setUp()
        self.service = service.find_service()
        self.container = self.service.make_container()
        self.image = make_image("stock")

    def check(
        self,
        program: str,
        sections: Mapping[str, Any],
        variables: Mapping[str, str],
        ignored: list[str],
    ) -> None:
        """Push to Distribution's registry, and pull from this in its place.

        Args:
            program: Which one.
            sections: What the file has below ``storage``.
            variables: Their environment.
            ignored: The settings that mean nothing here.
        """
        text = "".join(f"  {line}\n" for line in yaml.dump(sections).splitlines())
        place = self.directory / "registry"
        theirs = Stock(place, "", dict(variables), find(program), text)
        self.serve(theirs)
        Remote(theirs.host).push("team/app", "1", self.image)
        theirs.stop()
        ours = Stock(place, "", dict(variables), storage=text)
        self.serve(ours)
        self.remote = Remote(ours.host)
        self.assertHolds("team/app", "1", self.image)
        told = subprocess.run(
            [
                *("env", *(f"{name}={value}" for name, value in variables.items())),
                *(sys.executable, "-c", CHECK),
                *("check-config", "--config", str(ours.scratch / "config.yml")),
            ],
            capture_output=True,
            check=True,
            text=True,
            timeout=LIMIT,
        )
        self.assertEqual(
            [line.partition(": ")[0] for line in told.stderr.splitlines()], ignored
        )
        self.assertIn(f": {self.container}\n", told.stdout)

    def test_s3_in_the_file(self) -> None:
        section = stored.s3_section(
            self.service,
            self.container,
            redirectendpoint=self.service.url,
            accelerate=False,
            usedualstack=False,
            usefipsendpoint=False,
            encrypt=False,
            secure=False,
            v4auth=True,
            skipverify=False,
            chunksize=5 * MIB,
            multipartcopychunksize=32 * MIB,
            multipartcopymaxconcurrency=100,
            multipartcopythresholdsize=32 * MIB,
            rootdirectory="/s3/object/name/prefix",
            storageclass="STANDARD",
            objectacl="private",
            useragent="agent",
            loglevel="off",
        )
        rule = {"enabled": True, "age": "168h", "interval": "24h", "dryrun": False}
        sections = {
            "s3": section,
            "delete": {"enabled": True},
            "redirect": {"disable": False},
            "maintenance": {"uploadpurging": rule, "readonly": {"enabled": False}},
            "tag": {"concurrencylimit": 8},
        }
        ignored = [
            *("log.fields", "health", "storage.cache"),
            *("storage.s3.loglevel", "storage.s3.useragent", "storage.tag"),
        ]
        self.check("registry", sections, {}, ignored)

    def test_s3_in_variables(self) -> None:
        """As images are run, on what is in their file."""
        section = stored.s3_section(self.service, self.container)
        variables = {
            f"REGISTRY_STORAGE_S3_{name.upper()}": str(value).lower()
            for name, value in section.items()
        }
        variables["REGISTRY_STORAGE"] = "s3"
        filesystem = {"filesystem": {"rootdirectory": "/var/lib/registry"}}
        ignored = ["log.fields", "health"]
        self.check("registry", filesystem, variables, ignored)

    def test_swift_in_the_file(self) -> None:
        section = stored.swift_section(
            self.service,
            self.container,
            region="fr",
            endpointtype="public",
            insecureskipverify=False,
            chunksize=5 * MIB,
            prefix="some/prefix",
            secretkey="secretkey",
            accesskey="accesskey",
            tempurlcontainerkey=False,
            tempurlmethods=["GET", "HEAD"],
        )
        sections = {"swift": section, "redirect": {"disable": True}}
        ignored = ["log.fields", "health", "storage.cache"]
        self.check("docker-registry", sections, {}, ignored)
