"""Clients push, pull and delete what a registry keeps in S3, and in Swift.

These are the tests in ``tests/integration/clients``, with other stores.
"""

from tests.integration.clients import (
    test_conformance,
    test_crane,
    test_docker,
    test_oras,
    test_podman,
    test_regctl,
    test_skopeo,
)
from tests.integration.stores import stored


class S3ConformanceTests(stored.S3Case, test_conformance.ConformanceTests):
    redirects = True


class S3DockerTests(stored.S3Case, test_docker.DockerTests):
    pass


class S3PodmanTests(stored.S3Case, test_podman.PodmanTests):
    pass


class S3BuildahTests(stored.S3Case, test_podman.BuildahTests):
    pass


class S3SkopeoTests(stored.S3Case, test_skopeo.SkopeoTests):
    pass


class S3CraneTests(stored.S3Case, test_crane.CraneTests):
    pass


class S3OrasTests(stored.S3Case, test_oras.OrasTests):
    pass


class S3RegctlTests(stored.S3Case, test_regctl.RegctlTests):
    pass


class SwiftConformanceTests(stored.SwiftCase, test_conformance.ConformanceTests):
    redirects = True


class SwiftDockerTests(stored.SwiftCase, test_docker.DockerTests):
    pass


class SwiftPodmanTests(stored.SwiftCase, test_podman.PodmanTests):
    pass


class SwiftBuildahTests(stored.SwiftCase, test_podman.BuildahTests):
    pass


class SwiftSkopeoTests(stored.SwiftCase, test_skopeo.SkopeoTests):
    pass


class SwiftCraneTests(stored.SwiftCase, test_crane.CraneTests):
    pass


class SwiftOrasTests(stored.SwiftCase, test_oras.OrasTests):
    pass


class SwiftRegctlTests(stored.SwiftCase, test_regctl.RegctlTests):
    pass
