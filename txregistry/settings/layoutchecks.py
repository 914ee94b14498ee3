"""What ``storage.ocilayout`` may not be."""

from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings

_SETTING = "storage.ocilayout"


def check_layout(settings: Settings) -> None:
    """Refuse an OCI layout that could not be served, or what would have to write to it.

    Raises:
        SettingsError: there is one.
    """
    layout = settings.storage.ocilayout
    if layout is None:
        return
    if not layout.rootdirectory:
        raise SettingsError(
            f"{_SETTING}.rootdirectory: '' cannot be used: it must be a folder."
        )
    if layout.repository is not None:
        try:
            RepositoryName.parse(layout.repository)
        except NameInvalid as error:
            raise SettingsError(
                f"{_SETTING}.repository: {layout.repository!r} cannot be used: "
                f"{error.message}"
            ) from error
    if settings.mirror.upstreams or settings.proxy is not None:
        raise SettingsError(
            f"{_SETTING}: a mirror keeps what it fetches, and a layout is only read; "
            "give one of this and mirror, not both."
        )
