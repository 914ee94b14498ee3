"""Each client pulls through the mirror, by the names that it can give."""

from tests.integration.mirror import pulling
from tests.integration.mirror.clients import (
    MirrorCrane,
    MirrorCtr,
    MirrorDocker,
    MirrorPodman,
    MirrorSkopeo,
)


class SkopeoTests(pulling.PullingCase):
    courier = MirrorSkopeo


class PodmanTests(pulling.PullingCase):
    courier = MirrorPodman


class CraneTests(pulling.PullingCase):
    courier = MirrorCrane


class ContainerdTests(pulling.PullingCase):
    courier = MirrorCtr


class DockerTests(pulling.PullingCase):
    courier = MirrorDocker
