"""Tests of ``txregistry/client/downstreams/``: pushing blobs."""

from tests.client.downstreams.case import (
    APP,
    DATA,
    DIGEST,
    ONCE,
    SIZE,
    UPLOAD,
    DownstreamCase,
    Source,
    accepted,
    at,
    created,
)
from tests.client.upstreams.case import (
    HOME,
    US,
    blob,
    challenge,
    document,
    error,
    redirect,
    token,
)
from tests.storage.playing import LOST, SILENT, Reply
from txregistry.client.downstreams import pushing
from txregistry.client.upstreams.interfaces import (
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.digest import Digest

BEGIN = f"POST /v2/{APP}/blobs/uploads/"
FINISH = f"PUT {UPLOAD}"
LOOK = f"GET {UPLOAD}"
HAS = f"HEAD /v2/{APP}/blobs/{DIGEST}"
BOTH = f"repository:{APP}:pull,push"


class WholeTests(DownstreamCase):
    def test_one_request_has_it_all(self) -> None:
        source = self.pushes(accepted(), created())
        self.assertEqual(self.lines(), [BEGIN, FINISH])
        asked = self.last()
        self.assertEqual(asked.target, f"{UPLOAD}?digest={DIGEST}")
        self.assertEqual(asked.body, DATA)
        self.assertEqual(asked.header("content-length"), str(SIZE))
        self.assertEqual(asked.header("content-range"), "")
        self.assertEqual(asked.header("content-type"), "application/octet-stream")
        self.assertEqual(source.opened, [0])

    def test_where_a_session_is(self) -> None:
        for location, target in {
            "/elsewhere?_state=a%2Fb": f"/elsewhere?_state=a%2Fb&digest={DIGEST}",
            f"{HOME}/u?x": f"/u?x&digest={DIGEST}",
            "u2": f"/v2/{APP}/blobs/uploads/u2?digest={DIGEST}",
        }.items():
            self.pushes(accepted(location), created())
            self.assertEqual(self.last().target, target)

    def test_below_a_path(self) -> None:
        self.pushes(accepted("/sub/v2/u"), created(), home=f"{HOME}/sub")
        self.assertEqual(self.agent.asked[0].target, f"/sub/v2/{APP}/blobs/uploads/")
        self.assertEqual(self.last().target, f"/sub/v2/u?digest={DIGEST}")

    def test_sessions_where_we_do_not_go(self) -> None:
        for location in (
            "https://cdn.example/u",
            f"{HOME}:444/u",
            HOME.replace("https", "http") + "/u",
            "https://us:secret@registry-1.docker.io/u",
            "ftp://x",
            "http://[",
        ):
            self.give(accepted(location), login=US)
            self.fault(UpstreamWrong, self.push())
            self.assertEqual(self.agent.left, 0)

    def test_nothing(self) -> None:
        self.give(accepted(), created())
        source, digest = Source(b""), Digest.of(b"")
        pushed = self.downstream.push_blob(APP, digest, 0, source.open)
        self.result(pushed)
        self.assertEqual(self.last().body, b"")
        self.assertEqual(self.last().header("content-length"), "0")
        self.assertEqual(source.opened, [])

    def test_refusals_at_the_beginning(self) -> None:
        for reply, kind in (
            (error(400), UpstreamWrong),
            (error(401), UpstreamRefused),
            (error(403), UpstreamRefused),
            (error(404), UpstreamRefused),
            (error(405), UpstreamRefused),
            (created(), UpstreamWrong),
            (redirect("/x"), UpstreamWrong),
        ):
            self.give(reply)
            self.fault(kind, self.push())

    def test_refusals_at_the_end(self) -> None:
        for status, kind in {
            400: UpstreamWrong,
            403: UpstreamRefused,
            405: UpstreamRefused,
            413: UpstreamWrong,
            307: UpstreamWrong,
        }.items():
            self.give(accepted(), error(status, location="/x"))
            self.fault(kind, self.push())
            self.assertEqual(self.agent.left, 0)

    def test_which_mistake_it_is_is_told(self) -> None:
        wrong = document({"errors": [{"code": "DIGEST_INVALID"}]}, 400)
        self.give(accepted(), wrong)
        fault = self.fault(UpstreamWrong, self.push())
        self.assertEqual(fault.what, "answered 400, DIGEST_INVALID")


class ResumingTests(DownstreamCase):
    def test_rest_is_sent(self) -> None:
        source = self.pushes(accepted(), LOST, at(40), created())
        self.assertEqual(self.lines(), [BEGIN, FINISH, LOOK, FINISH])
        self.assertEqual(self.last().body, DATA[40:])
        self.assertEqual(self.last().header("content-range"), f"40-{SIZE - 1}")
        self.assertEqual(source.opened, [0, 40])

    def test_it_goes_on_where_it_says(self) -> None:
        self.pushes(accepted(), LOST, at(40, "/other?s=1"), created())
        self.assertEqual(self.last().target, f"/other?s=1&digest={DIGEST}")

    def test_all_was_there_but_the_end(self) -> None:
        source = self.pushes(accepted(), LOST, at(SIZE), created())
        self.assertEqual(self.last().body, b"")
        self.assertEqual(source.opened, [0])

    def test_only_the_answer_was_lost(self) -> None:
        self.pushes(accepted(), LOST, error(404), blob(length=SIZE))
        self.assertEqual(self.lines(), [BEGIN, FINISH, LOOK, HAS])

    def test_session_is_gone(self) -> None:
        for gone in (error(404), error(400), error(405), error(204), at(0), at(1000)):
            replies = (gone, error(404), error(204), accepted("/u2"), created())
            source = self.pushes(accepted(), LOST, *replies)
            lines = [BEGIN, FINISH, LOOK, HAS, f"DELETE {UPLOAD}", BEGIN, "PUT /u2"]
            self.assertEqual(self.lines(), lines)
            self.assertEqual(self.last().body, DATA)
            self.assertEqual(source.opened, [0, 0])

    def test_who_lost_track_is_asked(self) -> None:
        for status in (404, 410, 416):
            self.pushes(accepted(), error(status), at(40), created())
            self.assertEqual(self.lines(), [BEGIN, FINISH, LOOK, FINISH])

    def test_what_it_had_was_something_else(self) -> None:
        replies = (LOST, at(40), error(400), accepted(), created())
        self.pushes(accepted(), *replies)
        self.assertEqual(self.last().body, DATA)

    def test_then_it_is_wrong_after_all(self) -> None:
        self.give(accepted(), LOST, at(40), error(400), accepted(), error(400))
        self.fault(UpstreamWrong, self.push())
        self.assertEqual(self.agent.left, 0)

    def test_it_is_given_up_and_gone_on_with_later(self) -> None:
        self.give(accepted(), LOST, at(40), LOST, at(40), LOST)
        self.fault(UpstreamUnavailable, self.push())
        self.assertEqual(self.agent.left, 0)
        self.play_on(at(60), created())
        self.result(self.push())
        self.assertEqual(self.lines()[-2:], [LOOK, FINISH])
        self.assertEqual(self.last().body, DATA[60:])

    def test_afterwards_it_is_not(self) -> None:
        self.pushes(accepted(), LOST, at(40), created())
        self.play_on(accepted(), created())
        self.result(self.push())
        self.assertEqual(self.lines()[-2:], [BEGIN, FINISH])

    def test_it_breaks_off_no_more_than_so_often(self) -> None:
        self.patch(pushing, "_MOST", 2)
        self.give(accepted(), LOST, at(40), LOST, at(60))
        self.fault(UpstreamUnavailable, self.push())
        self.assertEqual(self.agent.left, 1)

    def test_silence(self) -> None:
        self.give(accepted(), SILENT, at(40), created())
        self.result(self.push())
        self.assertEqual(self.agent.left, 0)
        self.assertGreater(self.clock.seconds(), ONCE.work)

    def test_token_that_ends_meanwhile(self) -> None:
        self.give(
            challenge(scope=BOTH),
            accepted(),
            challenge(scope=BOTH),
            at(40),
            created(),
            login=US,
            tokens=(token("t1"), token("t2")),
        )
        source = Source()
        self.result(self.push(source))
        self.assertEqual(self.shown()[2:], ["Bearer t1", "Bearer t2", "Bearer t2"])
        self.assertEqual(source.opened, [0, 40])

    def test_right_that_ends_meanwhile(self) -> None:
        self.give(
            challenge(scope=BOTH),
            accepted(),
            challenge(scope=BOTH),
            challenge(scope=BOTH),
            login=US,
            tokens=(token("t1"), token("t2"), error(403), error(403)),
        )
        self.fault(UpstreamRefused, self.push())


class SteppingTests(DownstreamCase):
    """Who keeps nothing of what breaks off gets it in steps."""

    def step(self, *replies: Reply, step: int = 40) -> list[tuple[str, bytes]]:
        """Push a blob in steps of so many bytes, and say with which ranges."""
        self.give(*replies)
        self.downstream._pushing._step = step
        self.result(self.push())
        self.assert_let_go()
        self.assertEqual(self.agent.left, 0)
        return [
            (each.header("content-range"), each.body)
            for each in self.agent.asked
            if each.method == "PATCH" or (each.method == "PUT" and each.body)
        ]

    def lose(self) -> tuple[Reply, ...]:
        """Take all of it, and keep nothing."""
        return (accepted(), LOST, at(0), error(404), error(204), accepted())

    def test_steps(self) -> None:
        patched = (accepted("/a"), accepted("/b", range="0-79"), created())
        found = self.step(*self.lose(), *patched)
        self.assertEqual(
            found,
            [
                ("", DATA),
                ("0-39", DATA[:40]),
                ("40-79", DATA[40:80]),
                ("80-99", DATA[80:]),
            ],
        )
        self.assertEqual(self.lines()[-3:], [f"PATCH {UPLOAD}", "PATCH /a", "PUT /b"])

    def test_step_that_breaks_off(self) -> None:
        patched = (accepted("/a"), LOST, at(40, "/c"), accepted("/b"), created())
        found = self.step(*self.lose(), *patched)
        spans = ["0-39", "40-79", "40-79", "80-99"]
        self.assertEqual([span for span, _ in found][1:], spans)

    def test_step_of_which_half_was_taken(self) -> None:
        patched = (accepted(range="0-19"), at(20), accepted(), created())
        found = self.step(*self.lose(), *patched)
        self.assertEqual([span for span, _ in found][1:], ["0-39", "20-59", "60-99"])

    def test_who_keeps_something_gets_the_rest_at_once(self) -> None:
        found = self.step(accepted(), LOST, at(40), created())
        self.assertEqual([span for span, _ in found], ["", "40-99"])

    def test_who_was_not_there_gets_the_rest_at_once(self) -> None:
        refused = Reply(refused=True)
        replies = (accepted(), LOST, at(40), refused, at(40), created())
        found = self.step(*replies, step=60)
        self.assertEqual([span for span, _ in found], ["", "40-99"])
