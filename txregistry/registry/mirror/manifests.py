"""Manifests of other registries: fetched when they are missing, or may be old."""

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import (
    Fetched,
    UpstreamWrong,
)
from txregistry.metrics.mirroring import Pulls
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    Denied,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
)
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.manifests import Manifests, StoredManifest
from txregistry.registry.mirror.rechecking import NotThere, Rechecking
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.registry.mirror.sizes import KnownSizes
from txregistry.registry.referrers import Referrers
from txregistry.registry.tags import Tags
from txregistry.storage.interfaces import StorageFull


@dataclass(frozen=True, slots=True)
class PulledManifest:
    """A manifest, and how sure it is that this is the one.

    Attributes:
        manifest: The manifest.
        age: Seconds since the other registry was asked whether its tag points to it;
            None where there is nothing to ask.
        fault: Why it could not be asked now, in a sentence; empty where it could.
    """

    manifest: StoredManifest
    age: float | None = None
    fault: str = ""


class MirroredManifests:
    """Find manifests, here or in the other registry.

    Args:
        manifests: Where they are kept.
        tags: What points to them here.
        referrers: Who refers to whom.
        sizes: Learns how large blobs are.
        clock: Tells the time.
        pulls: Where it is counted what is asked for.
        offline: Whether no other registry is asked, whatever is missing.
    """

    _log = Logger()

    def __init__(
        self,
        manifests: Manifests,
        tags: Tags,
        referrers: Referrers,
        sizes: KnownSizes,
        clock: IReactorTime,
        pulls: Pulls,
        *,
        offline: bool,
    ) -> None:
        self._manifests = manifests
        self._pulls = pulls
        self._tags = tags
        self._referrers = referrers
        self._sizes = sizes
        self._rechecking = Rechecking(clock, offline=offline)

    async def find(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        reference: Reference,
        caller: Credentials | None = None,
    ) -> PulledManifest:
        """Give a manifest.

        Args:
            rule: The rule of the repository.
            name: The repository.
            reference: What is wanted.
            caller: By whose credentials it is fetched; None for ours.

        Raises:
            ManifestUnknown: neither has it.
            UpstreamSilent: it is not here, and the other registry does not answer.
            UpstreamInvalid: likewise, or what it answers cannot be used.
        """
        self._pulls.requests += 1
        local = await self._local(name, reference)
        if local is not None and isinstance(reference, Digest):
            self._note_pushed(local, local)
            return PulledManifest(local)  # which cannot become old
        try:
            checked = await self._rechecking.check(
                rule,
                name,
                reference,
                lambda: self._ask(rule, name, reference, local, caller),
                here=local is not None,
            )
        except NotThere:
            raise _unknown(name, reference) from None
        found = checked.found or local
        if found is None:
            raise _unknown(name, reference)
        self._note_pushed(found, local)
        age = None if isinstance(reference, Digest) else checked.age
        return PulledManifest(found, age, checked.fault)

    def _note_pushed(self, found: StoredManifest, local: StoredManifest | None) -> None:
        self._pulls.pushed += len(found.data)
        self._pulls.hits += found is local

    async def _local(
        self, name: RepositoryName, reference: Reference
    ) -> StoredManifest | None:
        try:
            return await self._manifests.find(name, reference)
        except (ManifestUnknown, NameUnknown):
            return None

    async def _ask(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        reference: Reference,
        local: StoredManifest | None,
        caller: Credentials | None,
    ) -> StoredManifest:
        """Find out what the other registry has, and keep it.

        Raises:
            ManifestUnknown: it has none.
            UpstreamFault: that cannot be found out.
        """
        remote, upstream = rule.remote_name(name), rule.upstream
        if local is not None:
            # To look costs nothing of what some registries let one fetch.
            looked = await upstream.head_manifest(remote, str(reference), caller)
            if looked is not None and looked.digest == local.digest:
                self._rechecking.note(name, reference, present=True)
                return local
        fetched = await upstream.get_manifest(remote, str(reference), caller)
        if fetched is None:
            self._rechecking.note(name, reference, present=False)
            raise _unknown(name, reference)
        self._pulls.misses += 1
        self._pulls.pulled += len(fetched.data)
        digest = reference if isinstance(reference, Digest) else fetched.digest
        try:
            await self._keep(rule, name, digest, fetched)
        except StorageFull as error:  # what cannot be kept can be given all the same
            self._log.error(
                "The mirror cannot keep {reference} of {name}: {reason}",
                reference=str(reference),
                name=str(name),
                reason=str(error),
            )
            return StoredManifest(digest, fetched.data, fetched.media_type)
        if isinstance(reference, Tag):
            try:
                await self._tags.point(name, reference, digest)
            except Denied as denied:
                self._log.warn("{reason}", reason=denied.message)
                if local is not None:
                    return local
        if isinstance(reference, Tag):
            self._rechecking.note(name, reference, present=True)
        return StoredManifest(digest, fetched.data, fetched.media_type)

    async def _keep(
        self, rule: MirrorRule, name: RepositoryName, digest: Digest, fetched: Fetched
    ) -> None:
        try:
            manifest = parse_manifest(fetched.data, fetched.media_type)
        except ManifestInvalid as error:
            what = "gave a manifest that cannot be kept"
            raise UpstreamWrong(rule.upstream.name, what) from error
        self._sizes.learn(manifest.blobs)
        await self._manifests.keep(name, digest, fetched.data)
        if manifest.subject is not None:
            await self._referrers.add(name, manifest.subject.digest, digest)


def _unknown(name: RepositoryName, reference: Reference) -> ManifestUnknown:
    return ManifestUnknown(
        f"The repository {name} has no manifest {reference}.",
        {"reference": str(reference)},
    )
