"""Tests of ``txregistry/model/access.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.access import ANONYMOUS, Access, Action, Identity


class ActionTests(SynchronousTestCase):
    def test_what_includes_what(self) -> None:
        for action, included in (
            (Action.LIST, {Action.LIST}),
            (Action.PULL, {Action.LIST, Action.PULL}),
            (Action.PUSH, {Action.LIST, Action.PULL, Action.PUSH}),
            (Action.DELETE, {Action.DELETE}),
            (Action.ADMIN, {*Action}),
        ):
            self.assertEqual(action.included, included)


class AccessTests(SynchronousTestCase):
    def allowed(self, access: Access) -> set[Action]:
        """Give all that an access allows."""
        return {action for action in Action if access.allows(action)}

    def test_read_allows_to_pull(self) -> None:
        self.assertEqual(self.allowed(Access.READ), {Action.LIST, Action.PULL})

    def test_write_allows_to_pull_too(self) -> None:
        self.assertEqual(
            self.allowed(Access.WRITE), {Action.LIST, Action.PULL, Action.PUSH}
        )

    def test_delete_allows_nothing_else(self) -> None:
        self.assertEqual(self.allowed(Access.DELETE), {Action.DELETE})

    def test_other_words_are_none(self) -> None:
        for text in ("", "READ", "admin", "read "):
            with self.assertRaises(ValueError):
                Access(text)


class IdentityTests(SynchronousTestCase):
    def test_groups_tell_identities_apart(self) -> None:
        self.assertNotEqual(Identity("bob", frozenset({"ops"})), Identity("bob"))

    def test_address_does_not_tell_identities_apart(self) -> None:
        self.assertEqual(Identity("bob", address="10.0.0.1"), Identity("bob"))
        self.assertEqual(Identity("", address="10.0.0.1"), ANONYMOUS)

    def test_nobody_has_no_name_and_no_group(self) -> None:
        self.assertEqual((ANONYMOUS.name, ANONYMOUS.groups), ("", frozenset()))

    def test_who_is_called_anonymous_is_somebody(self) -> None:
        self.assertNotEqual(Identity("anonymous"), ANONYMOUS)
