"""What asks other registries, as the settings describe it."""

from typing import Any

from txregistry.assembly.otherregistries import make_terms
from txregistry.client.downstreams.interfaces import IDownstream
from txregistry.client.downstreams.making import make_downstream
from txregistry.client.upstreams.interfaces import IUpstream
from txregistry.client.upstreams.limits import USUAL_LIMITS
from txregistry.client.upstreams.making import make_upstream
from txregistry.client.upstreams.making1 import make_version1_upstream
from txregistry.client.upstreams.places import parse_home
from txregistry.settings.mirror import Upstream
from txregistry.settings.replication import PushTo
from txregistry.tasks import Blocking


def make_mirrored(
    setting: str, upstream: Upstream, reactor: Any, blocking: Blocking
) -> IUpstream:
    """Make what asks a registry that is mirrored.

    Raises:
        SettingsError: a file cannot be used.
    """
    # A tag is to be fresh again soon after the upstream is there again.
    longest = min(USUAL_LIMITS.longest_alone, upstream.recheck / 2)
    terms = make_terms(
        setting,
        upstream.name,
        upstream.address,
        upstream,
        reactor,
        blocking,
        longest_alone=max(USUAL_LIMITS.alone, longest),
    )
    if upstream.api == "v1":
        old: IUpstream = make_version1_upstream(reactor, blocking, terms)
        return old
    made: IUpstream = make_upstream(reactor, blocking, terms)
    return made


def make_replica(
    setting: str, rule: PushTo, reactor: Any, blocking: Blocking
) -> IDownstream:
    """Make what asks a registry that gets what is pushed here.

    Raises:
        SettingsError: a file cannot be used.
    """
    place = parse_home(rule.to)
    terms = make_terms(setting, place.authority, rule.to, rule, reactor, blocking)
    made: IDownstream = make_downstream(reactor, blocking, terms)
    return made
