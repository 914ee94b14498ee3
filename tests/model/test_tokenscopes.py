"""Tests of ``txregistry/model/tokenscopes.py``."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.access import Action
from txregistry.model.names import RepositoryName
from txregistry.model.tokenscopes import TokenScopes

APP: Final = RepositoryName("acme/app")
PULL: Final = Action.PULL.included
PUSH: Final = Action.PUSH.included
DELETE: Final = Action.DELETE.included
NOTHING: Final = TokenScopes({})
EVERYTHING: Final = TokenScopes({"acme/app": frozenset(Action)}, catalog=True)

NAMES: Final = st.from_regex(
    r"[a-z0-9]{1,9}(?:[._-][a-z0-9]{1,9})?(?:/[a-z]{1,9})?", fullmatch=True
)
ACTIONS: Final = st.sets(st.sampled_from(Action), min_size=1).map(
    lambda actions: frozenset[Action]().union(*(each.included for each in actions))
)
SCOPES: Final = st.builds(
    TokenScopes, st.dictionaries(NAMES, ACTIONS, max_size=9), st.booleans()
)
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "actions", "x"]), inner, max_size=4
        )
    ),
)
PIECES: Final = st.sampled_from(
    ["repository", "registry", "catalog", "(", ")", ":", ",", " ", "*", "pull", "é"]
)


class ParseTests(SynchronousTestCase):
    def test_names_a_repository_and_actions(self) -> None:
        self.assertEqual(
            TokenScopes.parse("repository:acme/app:pull,push"),
            TokenScopes({"acme/app": PUSH}),
        )

    def test_action_has_what_it_includes(self) -> None:
        for word, actions in (
            ("pull", PULL),
            ("push", PUSH),
            ("delete", DELETE),
            ("*", frozenset(Action)),
            ("list", frozenset({Action.LIST})),
            ("pull,delete", PULL | DELETE),
        ):
            self.assertEqual(
                TokenScopes.parse(f"repository:a:{word}"), TokenScopes({"a": actions})
            )

    def test_class_says_nothing(self) -> None:
        self.assertEqual(
            TokenScopes.parse("repository(plugin):acme/app:pull"),
            TokenScopes({"acme/app": PULL}),
        )

    def test_catalog(self) -> None:
        self.assertEqual(
            TokenScopes.parse("registry:catalog:*"), TokenScopes({}, catalog=True)
        )

    def test_catalog_is_asked_for_by_a_star_only(self) -> None:
        self.assertEqual(TokenScopes.parse("registry:catalog:pull,push"), NOTHING)

    def test_several_are_parted_by_blanks_or_given_apart(self) -> None:
        both = TokenScopes({"a": PULL, "b": PUSH})
        a, b = "repository:a:pull", "repository:b:push"
        self.assertEqual(TokenScopes.parse(f"{a} {b}"), both)
        self.assertEqual(TokenScopes.parse(a, b), both)
        self.assertEqual(TokenScopes.parse(f"  {a}   {b} "), both)

    def test_same_repository_twice_is_joined(self) -> None:
        self.assertEqual(
            TokenScopes.parse("repository:a:pull repository:a:delete"),
            TokenScopes({"a": PULL | DELETE}),
        )

    def test_nothing_is_nothing(self) -> None:
        self.assertEqual(TokenScopes.parse(), NOTHING)
        self.assertEqual(TokenScopes.parse(""), NOTHING)

    def test_port_is_of_the_name_and_no_repository_is_called_so(self) -> None:
        self.assertEqual(TokenScopes.parse("repository:h:5000/acme/app:pull"), NOTHING)

    def test_unknown_action_is_left_out(self) -> None:
        self.assertEqual(
            TokenScopes.parse("repository:a:pull,fly,admin,"), TokenScopes({"a": PULL})
        )

    def test_what_is_unknown_or_malformed_is_left_out(self) -> None:
        for text in (
            "repository",
            "repository:a",
            "repository:a:",
            "repository::pull",
            ":a:pull",
            "repository:a:PULL",
            "repository:a:admin",
            "repository:A:pull",
            "repository:a b:pull",
            "repository:*:pull",
            "repository:a/../b:pull",
            "repository:" + "a" * 241 + ":pull",
            "Repository:a:pull",
            "repository(:a:pull",
            "repository():a:pull",
            "repository(a)(b):a:pull",
            "repository\n:a:pull",
            "repository:a\n:pull",
            "repository:a:pull\n",
            "namespace:a:pull",
            "registry:a:*",
            "registry:catalog:",
        ):
            self.assertEqual(TokenScopes.parse(text), NOTHING)

    def test_what_is_malformed_does_no_harm_to_the_rest(self) -> None:
        self.assertEqual(
            TokenScopes.parse("x:y repository:a:pull ::: registry"),
            TokenScopes({"a": PULL}),
        )

    def test_after_thirty_nothing_is_read(self) -> None:
        scopes = [f"repository:a{number}:pull" for number in range(31)]
        for texts in (scopes, [" ".join(scopes)]):
            names = TokenScopes.parse(*texts).repositories
            self.assertEqual(set(names), {f"a{number}" for number in range(30)})

    def test_long_text_is_nothing(self) -> None:
        for text in ("a" * 1_000_000, ":" * 1_000_000, " " * 1_000_000):
            self.assertEqual(TokenScopes.parse(text), NOTHING)

    @given(SCOPES)
    def test_reads_what_is_written(self, scopes: TokenScopes) -> None:
        self.assertEqual(TokenScopes.parse(str(scopes)), scopes)

    @given(st.text() | st.lists(PIECES).map("".join))
    def test_any_text_is_read(self, text: str) -> None:
        scopes = TokenScopes.parse(text)
        self.assertEqual(TokenScopes.parse(str(scopes)), scopes)


class ParseClaimTests(SynchronousTestCase):
    def claim(self, **others: object) -> list[object]:
        """Give a claim of one entry, with changes."""
        entry = {"type": "repository", "name": "acme/app", "actions": ["pull"]}
        return [{**entry, **others}]

    def test_names_a_repository_and_actions(self) -> None:
        self.assertEqual(
            TokenScopes.parse_claim(self.claim()), TokenScopes({"acme/app": PULL})
        )

    def test_other_members_say_nothing(self) -> None:
        self.assertEqual(
            TokenScopes.parse_claim(self.claim(**{"class": "plugin", "x": 1})),
            TokenScopes({"acme/app": PULL}),
        )

    def test_star_is_everything(self) -> None:
        catalog = {"type": "registry", "name": "catalog", "actions": ["*"]}
        self.assertEqual(
            TokenScopes.parse_claim([*self.claim(actions=["*"]), catalog]), EVERYTHING
        )

    def test_no_claim_is_nothing(self) -> None:
        nothing: list[object] = [None, [], {}, "", "repository:acme/app:pull", 1]
        for access in nothing:
            self.assertEqual(TokenScopes.parse_claim(access), NOTHING)

    def test_what_is_malformed_is_nothing(self) -> None:
        for others in (
            {"type": None},
            {"type": ["repository"]},
            {"type": "namespace"},
            {"name": None},
            {"name": 1},
            {"name": "ACME"},
            {"name": "*"},
            {"actions": None},
            {"actions": "pull"},
            {"actions": {"pull": True}},
            {"actions": [["pull"], None, 1]},
        ):
            self.assertEqual(TokenScopes.parse_claim(self.claim(**others)), NOTHING)

    def test_many_entries_are_read(self) -> None:
        entries = [self.claim(name=f"a{number}")[0] for number in range(100)]
        self.assertEqual(len(TokenScopes.parse_claim(entries).repositories), 100)

    @given(SCOPES)
    def test_reads_what_is_written(self, scopes: TokenScopes) -> None:
        self.assertEqual(TokenScopes.parse_claim(scopes.claim()), scopes)

    @given(JSON)
    def test_any_json_is_read(self, access: object) -> None:
        scopes = TokenScopes.parse_claim(access)
        self.assertEqual(TokenScopes.parse_claim(scopes.claim()), scopes)


class WritingTests(SynchronousTestCase):
    def test_push_says_pull_as_well(self) -> None:
        self.assertEqual(
            str(TokenScopes({"acme/app": PUSH})), "repository:acme/app:pull,push"
        )

    def test_everything_is_a_star(self) -> None:
        self.assertEqual(str(EVERYTHING), "repository:acme/app:* registry:catalog:*")

    def test_nothing_is_empty(self) -> None:
        self.assertEqual(str(TokenScopes({"acme/app": frozenset()})), "")

    def test_claim_has_an_entry_for_each_repository(self) -> None:
        self.assertEqual(
            TokenScopes({"b": DELETE, "a": PULL}).claim(),
            [
                {"type": "repository", "name": "a", "actions": ["pull"]},
                {"type": "repository", "name": "b", "actions": ["delete"]},
            ],
        )


class NeededTests(SynchronousTestCase):
    def test_action_is_in_words_that_all_services_know(self) -> None:
        for action, text in (
            (Action.LIST, "repository:acme/app:pull"),
            (Action.PULL, "repository:acme/app:pull"),
            (Action.PUSH, "repository:acme/app:pull,push"),
            (Action.DELETE, "repository:acme/app:delete"),
            (Action.ADMIN, "repository:acme/app:*"),
        ):
            self.assertEqual(str(TokenScopes.needed(APP, action)), text)

    def test_registry_is_its_catalog(self) -> None:
        self.assertEqual(
            str(TokenScopes.needed(None, Action.LIST)), "registry:catalog:*"
        )

    def test_needed_is_enough(self) -> None:
        for action in Action:
            self.assertTrue(TokenScopes.needed(APP, action).allow(APP, action))
        self.assertTrue(TokenScopes.needed(None, Action.LIST).allow(None, Action.LIST))

    def test_two_are_joined(self) -> None:
        push = TokenScopes.needed(APP, Action.PUSH)
        mount = TokenScopes.needed(RepositoryName("base"), Action.PULL)
        self.assertEqual(
            str(push | mount | TokenScopes.needed(APP, Action.DELETE)),
            "repository:acme/app:pull,push,delete repository:base:pull",
        )
        self.assertTrue((push | TokenScopes({}, catalog=True)).catalog)


class AllowTests(SynchronousTestCase):
    def test_other_repository_is_not_allowed(self) -> None:
        for name in ("acme/ap", "acme/app2", "acme", "app"):
            self.assertFalse(EVERYTHING.allow(RepositoryName(name), Action.LIST))

    def test_other_action_is_not_allowed(self) -> None:
        scopes = TokenScopes({"acme/app": PULL})
        allowed = {action for action in Action if scopes.allow(APP, action)}
        self.assertEqual(allowed, {Action.LIST, Action.PULL})

    def test_repositories_do_not_allow_the_catalog(self) -> None:
        scopes = TokenScopes({"acme/app": frozenset(Action)})
        self.assertFalse(scopes.allow(None, Action.LIST))

    def test_catalog_allows_no_more_than_to_list(self) -> None:
        allowed = {action for action in Action if EVERYTHING.allow(None, action)}
        self.assertEqual(allowed, {Action.LIST})


class GrantedTests(SynchronousTestCase):
    def test_leaves_what_is_allowed(self) -> None:
        asked = TokenScopes({"acme/app": PUSH, "acme/web": PULL}, catalog=True)
        self.assertEqual(
            asked.granted(
                lambda name, action: name == APP and action in Action.PULL.included
            ),
            TokenScopes({"acme/app": PULL}),
        )

    def test_catalog_is_asked_about_the_registry(self) -> None:
        self.assertEqual(
            EVERYTHING.granted(lambda name, action: (name, action) == (None, "list")),
            TokenScopes({}, catalog=True),
        )

    def test_what_was_not_asked_for_is_not_granted(self) -> None:
        asked = TokenScopes({"acme/app": PULL})
        self.assertEqual(asked.granted(lambda *_: True), asked)
