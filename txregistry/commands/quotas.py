"""``txregistry quotas``: tell how much of each quota is used."""

import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec

from txregistry.assembly.quotas import make_quotas
from txregistry.assembly.stores import make_store
from txregistry.commands.breakable import start_threads
from txregistry.commands.meant import spell_time
from txregistry.commands.storeoptions import StoreOptions
from txregistry.model.sizes import spell_size
from txregistry.registry.collection.report import QuotaReport
from txregistry.registry.quotas import quotas, rules
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem

_NONE: Final = 1


class Quotas(StoreOptions):
    """``quotas``: list the quotas, and how much of each is used."""

    synopsis = "Usage: txregistry quotas --config FILE [options]"
    longdesc = (
        "Tells of each quota of the settings how much its repositories use: what was "
        "counted in the last round of collection, and what was let in since. Ends with "
        "0, or with 1 where there are no quotas, or 2 when the store cannot be read."
    )
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["json", None, "Tell it as a JSON document."],
    ]

    async def work(self, reactor: Any, settings: Settings) -> int:
        """See `StoreOptions`."""
        files = settings.storage.filesystem or Filesystem()
        blocking = start_threads(reactor, files.maxthreads, "quotas")
        if not settings.quotas:
            sys.stderr.write("txregistry: the settings have no quotas.\n")
            return _NONE
        store = make_store(settings, reactor, blocking)
        all_rules = rules.QuotaRules(make_quotas(settings))
        kept = quotas.Quotas(store, reactor, all_rules, lasting=False)
        uses = await kept.uses()
        when = kept.counted
        time = None if when is None else spell_time(when)
        reports = [
            QuotaReport(
                use.quota.called,
                use.usage.bytes,
                use.quota.size,
                use.usage.tags,
                use.quota.tags,
            )
            for use in uses
        ]
        if self["json"]:
            found = [
                {**msgspec.to_builtins(report), "counted": use.counted}
                for report, use in zip(reports, uses, strict=True)
            ]
            document = {"counted": time, "quotas": found}
            sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
            return 0
        lines = [
            spell_quota(report) + ("" if use.counted else " (not counted yet)")
            for report, use in zip(reports, uses, strict=True)
        ]
        if time is not None:
            lines.append(f"counted {time}, and what was let in since")
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return 0


def spell_quota(report: QuotaReport) -> str:
    """Say in a line how much of a quota is used."""
    size, tags = spell_size(report.bytes), f"{report.tags}"
    if report.bytes_allowed is not None:
        size += f" of {spell_size(report.bytes_allowed)}"
    if report.tags_allowed is not None:
        tags += f" of {report.tags_allowed}"
    return f"{report.repositories}: {size}, {tags} tags"
