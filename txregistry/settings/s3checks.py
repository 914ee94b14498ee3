"""What ``storage.s3`` may not be, beyond what its types say."""

from typing import Final
from urllib.parse import urlsplit

from txregistry.settings.section import SettingsError
from txregistry.settings.storage import S3

PARTS_IN_MEMORY: Final = 4
"""Parts that fit into the memory at least: two for who knows where its bytes are to
lie, and as much for all others."""


def check_s3(s3: S3) -> None:
    """Refuse settings that contradict each other, or that nothing can come of.

    Raises:
        SettingsError: there is one.
    """
    _check_place(s3)
    if bool(s3.accesskey) != bool(s3.secretkey):
        raise SettingsError(
            "storage.s3: give both accesskey and secretkey, or neither: then the "
            "environment, a profile or a role says who asks."
        )
    if s3.sessiontoken and not s3.accesskey:
        raise SettingsError(
            "storage.s3.sessiontoken: it belongs to accesskey and secretkey; give all "
            "three."
        )
    if s3.accesskey and s3.profile is not None:
        raise SettingsError(
            "storage.s3: give either accesskey and secretkey, or profile, not both."
        )
    if s3.keyid and not s3.encrypt:
        raise SettingsError("storage.s3.keyid: it needs encrypt to be true.")
    if not s3.v4auth:
        raise SettingsError(
            "storage.s3.v4auth: false cannot be used; signatures are of version 4."
        )
    if s3.memory < PARTS_IN_MEMORY * s3.chunksize:
        raise SettingsError(
            f"storage.s3.memory: {s3.memory} cannot be used; it must be at least "
            f"{PARTS_IN_MEMORY} times chunksize, which is {s3.chunksize}."
        )


def _check_place(s3: S3) -> None:
    if not s3.bucket or "/" in s3.bucket:
        raise _refuse("bucket", s3.bucket, "a name without '/'")
    if not s3.regionendpoint:
        if not s3.region:
            raise SettingsError(
                "storage.s3.region: it is missing; give the region of the bucket, or "
                "regionendpoint for a service that is not Amazon's."
            )
    else:
        _check_endpoint(s3)
    public = s3.redirectendpoint
    if public and not (_is_url(public) and urlsplit(public).path in {"", "/"}):
        raise _refuse("redirectendpoint", public, "a URL such as https://host:9000")
    if s3.accelerate and s3.usefipsendpoint:
        raise SettingsError(
            "storage.s3.usefipsendpoint: Amazon has none for accelerate; give one of "
            "them."
        )
    if s3.accelerate and s3.is_path_style:
        raise SettingsError(
            "storage.s3.accelerate: it needs forcepathstyle to be false, since there "
            "buckets are named in the host."
        )
    if s3.skipverify and s3.cas:
        raise SettingsError(
            "storage.s3: give one of cas and skipverify, not both: with the latter, "
            "nobody looks who signed a certificate."
        )


def _check_endpoint(s3: S3) -> None:
    if not _is_url(s3.endpoint):
        raise _refuse(
            "regionendpoint", s3.regionendpoint or "", "a URL such as https://host:9000"
        )
    if s3.usedualstack or s3.accelerate or s3.usefipsendpoint:
        raise SettingsError(
            "storage.s3: usedualstack, accelerate and usefipsendpoint are Amazon's; "
            "they do not go with regionendpoint."
        )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - it is looked at only here
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and not parts.query
        and not parts.fragment
    )


def _refuse(name: str, value: str, allowed: str) -> SettingsError:
    return SettingsError(
        f"storage.s3.{name}: {value!r} cannot be used; it must be {allowed}."
    )
