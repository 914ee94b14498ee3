"""Tests of where content is, as settings say it."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.settings.mirror import Mirror, Proxy, Upstream
from txregistry.settings.replication import PushTo
from txregistry.settings.sections import Settings
from txregistry.settings.storage import S3, OciLayout, Storage, Swift

URL = "https://registry.example"


class PlacesTests(SynchronousTestCase):
    def test_files_are_here(self) -> None:
        layout = Storage(ocilayout=OciLayout("layout"))
        for settings in (Settings(), Settings(storage=layout)):
            self.assertTrue(settings.is_local, settings)

    def test_what_others_keep_is_not(self) -> None:
        for storage in (Storage(s3=S3("a")), Storage(swift=Swift(URL, "a"))):
            self.assertFalse(Settings(storage=storage).is_local, storage)

    def test_neither_is_what_comes_from_others_or_goes_to_them(self) -> None:

        for settings in (
            Settings(mirror=Mirror(upstreams=(Upstream("a", url=URL),))),
            Settings(proxy=Proxy(remoteurl=URL)),
            Settings(replication=(PushTo(to=URL),)),
        ):
            self.assertFalse(settings.is_local, settings)
