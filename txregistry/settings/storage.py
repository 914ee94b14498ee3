"""``storage``: where content is kept."""

import os
from typing import Annotated, Any

import msgspec

from txregistry.model.durations import Duration
from txregistry.settings.section import Bytes, Section

PartBytes = Annotated[int, msgspec.Meta(ge=5 * 1024 * 1024, le=5 * 1024**3)]


class Filesystem(Section, frozen=True):
    """``storage.filesystem``: local files."""

    rootdirectory: str = "./registry-data"
    maxthreads: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16
    minfree: Bytes = 64 * 1024 * 1024


class OciLayout(Section, frozen=True):
    """``storage.ocilayout``: an OCI layout, which is only read."""

    rootdirectory: str
    repository: str | None = None
    maxthreads: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16


class Swift(Section, frozen=True):
    """``storage.swift``: a container of OpenStack's Swift, or of Cloud Files.

    The names are Distribution 2's, but for the last five.
    """

    authurl: str
    container: str
    username: str | None = None
    password: str | None = None
    authversion: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    tenant: str | None = None
    tenantid: str | None = None
    domain: str | None = None
    domainid: str | None = None
    tenantdomain: str | None = None
    tenantdomainid: str | None = None
    trustid: str | None = None
    region: str = ""
    endpointtype: str = "public"
    insecureskipverify: bool = False
    chunksize: Annotated[int, msgspec.Meta(ge=1024 * 1024, le=5 * 1024**3)] | None = (
        None
    )
    prefix: str = ""
    secretkey: str | None = None
    accesskey: str | None = None
    tempurlcontainerkey: bool = True
    tempurlmethods: tuple[str, ...] = ("GET", "HEAD")
    applicationcredentialid: str | None = None
    applicationcredentialsecret: str | None = None
    create: bool = False
    writedlo: bool = False
    cas: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        """The version of what is asked who we are: as given, or as its URL says."""
        if self.authversion:
            return self.authversion
        path = self.authurl.rstrip("/").rpartition("//")[2].partition("/")[2]
        versions = {"v1": 1, "v2": 2, "v3": 3}
        found = [number for text, number in versions.items() if text in path]
        return found[0] if len(found) == 1 else 0


class S3(Section, frozen=True):
    """``storage.s3``: a bucket of Amazon's S3, or of what speaks like it.

    The names are Distribution's, but for the last three.
    """

    bucket: str
    region: str = ""
    regionendpoint: str | None = None
    redirectendpoint: str | None = None
    accesskey: str | None = None
    secretkey: str | None = None
    sessiontoken: str | None = None
    forcepathstyle: bool | None = None
    usedualstack: bool = False
    usefipsendpoint: bool = False
    accelerate: bool = False
    secure: bool = True
    skipverify: bool = False
    v4auth: bool = True
    encrypt: bool = False
    keyid: str | None = None
    storageclass: str | None = None
    objectacl: str | None = None
    rootdirectory: str = ""
    chunksize: PartBytes = 10 * 1024 * 1024
    multipartcopychunksize: PartBytes = 32 * 1024 * 1024
    multipartcopymaxconcurrency: Annotated[int, msgspec.Meta(ge=1, le=100)] = 16
    multipartcopythresholdsize: Bytes = 32 * 1024 * 1024
    profile: str | None = None
    cas: tuple[str, ...] = ()
    memory: Bytes = 128 * 1024 * 1024

    @property
    def is_path_style(self) -> bool:
        """Whether the bucket is named in the path, not in the host."""
        if self.forcepathstyle is None:
            return not self.accelerate
        return self.forcepathstyle

    @property
    def endpoint(self) -> str:
        """Where a service is that is not Amazon's, as a URL."""
        given = self.regionendpoint or ""
        if "://" in given:
            return given
        return f"{'https' if self.secure else 'http'}://{given}"


class Delete(Section, frozen=True):
    """``storage.delete``: whether content may be deleted."""

    enabled: bool = True


class Redirect(Section, frozen=True):
    """``storage.redirect``: whether clients fetch blobs from the store themselves."""

    disable: bool = False


class UploadPurging(Section, frozen=True):
    """``storage.maintenance.uploadpurging``: what becomes of abandoned uploads."""

    enabled: bool = True
    age: Duration = Duration(168 * 3600)
    interval: Duration = Duration(24 * 3600)
    dryrun: bool = False


class ReadOnly(Section, frozen=True):
    """``storage.maintenance.readonly``: whether pushes are refused."""

    enabled: bool = False


class Maintenance(Section, frozen=True):
    """``storage.maintenance``."""

    uploadpurging: UploadPurging = UploadPurging()
    readonly: ReadOnly = ReadOnly()


class Storage(Section, frozen=True):
    """``storage``: where content is kept."""

    filesystem: Filesystem | None = None
    inmemory: dict[str, Any] | None = None
    ocilayout: OciLayout | None = None
    s3: S3 | None = None
    swift: Swift | None = None
    redirect: Redirect = Redirect()
    delete: Delete = Delete()
    maintenance: Maintenance = Maintenance()

    @property
    def is_remote(self) -> bool:
        """Whether it is on the other side of a socket."""
        return self.s3 is not None or self.swift is not None

    @property
    def is_readonly(self) -> bool:
        """Whether nothing may be pushed or deleted."""
        return self.ocilayout is not None or self.maintenance.readonly.enabled

    @property
    def threads(self) -> int:
        """How many threads wait for disks at most."""
        place = self.ocilayout or self.filesystem or Filesystem()
        return place.maxthreads

    def in_folder(self, folder: str) -> "Storage":
        """Give the same, but that content is in a folder: maybe in an OCI layout."""
        if os.path.isfile(os.path.join(folder, "oci-layout")):
            layout = self.ocilayout or OciLayout(folder)
            chosen: dict[str, Section | None] = {
                "filesystem": None,
                "ocilayout": msgspec.structs.replace(layout, rootdirectory=folder),
            }
        else:
            files = self.filesystem or Filesystem()
            chosen = {
                "filesystem": msgspec.structs.replace(files, rootdirectory=folder),
                "ocilayout": None,
            }
        return msgspec.structs.replace(
            self, inmemory=None, s3=None, swift=None, **chosen
        )
