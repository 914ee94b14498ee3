"""Tests of what is written to who sends no request."""

from twisted.trial.unittest import SynchronousTestCase

from tests.web.answers import read_answers
from txregistry.web.refusals import Refusal, error_document, refusal_bytes


class RefusalTests(SynchronousTestCase):
    def test_each_is_one_whole_answer(self) -> None:
        for refusal in Refusal:
            (answer,) = read_answers(refusal_bytes(refusal), ["GET"], ended=True)
            self.assertEqual(answer.said, (refusal.status, "UNSUPPORTED"))
            self.assertFalse(answer.keeps)
            self.assertEqual(
                (
                    answer.header("docker-distribution-api-version"),
                    answer.header("x-content-type-options"),
                ),
                ("registry/2.0", "nosniff"),
            )

    def test_detail_is_left_out_where_there_is_none(self) -> None:
        self.assertEqual(
            error_document("A", "b"), b'{"errors":[{"code":"A","message":"b"}]}'
        )
        self.assertEqual(
            error_document("A", "b", {"c": 1}),
            b'{"errors":[{"code":"A","message":"b","detail":{"c":1}}]}',
        )
