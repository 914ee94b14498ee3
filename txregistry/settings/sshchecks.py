"""What ``ssh`` may not be, beyond what its types say."""

from typing import Final

from txregistry.settings.section import SettingsError
from txregistry.settings.ssh import Ssh

_SHORTEST: Final = 1.0
_LONGEST: Final = 24 * 3600.0


def check_ssh(ssh: Ssh) -> None:
    """Refuse settings that contradict each other, or that nothing can come of.

    Raises:
        SettingsError: there is one.
    """
    for endpoint in ssh.listen:
        if not endpoint:
            raise SettingsError(
                "ssh.listen: '' cannot be used; it must be an endpoint, such as "
                "tcp:2222."
            )
    if ssh.listen and not ssh.keys:
        raise SettingsError(
            "ssh.keys: it is missing: nobody could log in by SSH. Give a file with a "
            "line for each public key, as of authorized_keys (or --ssh-keys FILE)."
        )
    if ssh.hostkey == "":
        raise SettingsError(
            "ssh.hostkey: '' cannot be used; it must be the file of a private key."
        )
    for name in ("logintimeout", "idletimeout"):
        seconds = getattr(ssh, name)
        if not _SHORTEST <= seconds <= _LONGEST:
            raise SettingsError(
                f"ssh.{name}: {seconds:g}s cannot be used; it must be from "
                f"{_SHORTEST:g}s to {_LONGEST:g}s."
            )
