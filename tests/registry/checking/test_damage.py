"""Trees that are damaged in any way: mended once, nothing is left to mend."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.registry.case import NAME, OTHER, V1
from tests.registry.checking import case
from tests.registry.checking.case import DAY, MULTI
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.interfaces import Key

WAYS = ("gone", "empty", "garbage", "newline", "elsewhere", "alias")
DAMAGES = st.lists(
    st.tuples(st.integers(0, 10_000), st.sampled_from(WAYS)), min_size=1, max_size=6
)
TAGS = ((NAME, V1), (NAME, MULTI), (OTHER, V1))
ELSEWHERE = Digest.of(b"{}")


class DamageTests(case.CheckTestCase):
    @settings(max_examples=25)
    @given(DAMAGES)
    def test_damaged_tree(self, damages: Sequence[tuple[int, str]]) -> None:
        self.setUp()
        present = self.keys()
        for place, way in damages:
            self.damage(present[place % len(present)], way)
        self.clock.advance(30 * DAY)
        told = self.found()
        mended = sorted((each.sort, each.key) for each in self.check(mend=True))
        self.assertEqual(mended, told)
        left = self.check(mend=True)
        self.assertEqual([each for each in left if each.state != "told"], [])
        broken = {each.key for each in left if each.is_fault}
        for name, tag in TAGS:
            self.pulls_or_is_told(name, tag, broken)

    def pulls_or_is_told(
        self, name: RepositoryName, tag: Tag, broken: set[str]
    ) -> None:
        """See that a tag can be pulled with all that it needs, or is known not to."""
        key = keys.tag_link(name, tag)
        if key not in broken and key in self.keys():
            self.assertIsNotNone(self.pulls(tag, name), key)

    def damage(self, key: str, way: str) -> None:
        """Damage an object."""
        data = dict.fromkeys(WAYS, b"")
        data["garbage"] = b"\0garbage"
        data["newline"] = (self.get(key) if key in self.keys() else b"") + b"\n"
        data["elsewhere"] = str(ELSEWHERE).encode()
        data["alias"] = str(Digest.of(b"{}", "sha512")).encode()
        if way == "gone":
            self.delete(Key(key))
        else:
            self.put(key, data[way])
