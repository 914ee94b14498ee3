"""Places of images that are reached over SSH."""

from txregistry.assembly.imageplaces import Means, Work
from txregistry.transfer.images.interfaces import IImageSource, IImageTarget
from txregistry.transfer.images.remote import Ssh, SshSource, SshTarget
from txregistry.transfer.images.remotecommands import SshPlace


def open_source(place: SshPlace, means: Means, work: Work) -> IImageSource:
    """Get images from a host; nobody has asked it for anything yet."""
    return SshSource(_ssh(place, means, work))


def open_target(place: SshPlace, means: Means, work: Work) -> IImageTarget:
    """Put images there."""
    return SshTarget(_ssh(place, means, work))


def _ssh(place: SshPlace, means: Means, work: Work) -> Ssh:
    return Ssh(
        place,
        means.ssh,
        work.reactor,
        work.blocking,
        work.interruption,
        means.environment,
    )
