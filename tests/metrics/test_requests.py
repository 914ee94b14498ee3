"""Tests of ``txregistry/metrics/requests.py``."""

from twisted.trial.unittest import SynchronousTestCase

from tests.metrics.figures import Samples, labels, samples
from txregistry.metrics.requests import HANDLERS, RequestCounts


class CountTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.counts = RequestCounts()

    def count(self, route: str, method: bytes, status: int) -> None:
        self.counts.count(route, method, status, 0.02, 3000, 5_000_000_000)

    def found(self, *in_flight: str) -> Samples:
        return samples(self.counts.families(in_flight))

    def test_nothing_was_counted(self) -> None:
        self.assertEqual(self.found(), {})

    def test_one_is_counted_as_distribution_counts_it(self) -> None:
        self.count("get_blob", b"GET", 206)
        found, prefix = self.found(), "registry_http_"
        blob = {"handler": "blob"}
        timed = {**blob, "method": "get"}
        for name, labelled, value in (
            ("requests_total", {**timed, "code": "206"}, 1),
            ("request_duration_seconds_count", timed, 1),
            ("request_duration_seconds_sum", timed, 0.02),
            ("request_duration_seconds_bucket", {**timed, "le": "0.01"}, 0),
            ("request_duration_seconds_bucket", {**timed, "le": "0.025"}, 1),
            ("request_duration_seconds_bucket", {**timed, "le": "60.0"}, 1),
            ("request_duration_seconds_bucket", {**timed, "le": "+Inf"}, 1),
            ("request_size_bytes_sum", blob, 3000),
            ("request_size_bytes_bucket", {**blob, "le": "2048.0"}, 0),
            ("request_size_bytes_bucket", {**blob, "le": "4096.0"}, 1),
            ("response_size_bytes_sum", blob, 5e9),
            ("response_size_bytes_bucket", {**blob, "le": "2.147483648e+09"}, 0),
            ("response_size_bytes_bucket", {**blob, "le": "+Inf"}, 1),
            ("in_flight_requests", blob, 0),
        ):
            self.assertEqual(found[prefix + name, labels(**labelled)], value, name)

    def test_routes_are_called_as_distribution_calls_them(self) -> None:
        for route, handler in (
            ("get_version", "base"),
            ("put_manifest", "manifest"),
            ("list_tags", "tags"),
            ("delete_blob", "blob"),
            ("begin_upload", "blob_upload"),
            ("finish_upload", "blob_upload_chunk"),
            ("list_repositories", "catalog"),
            ("list_referrers", "list_referrers"),
            ("", "none"),
        ):
            self.count(route, b"GET", 200)
            labelled = labels(code="200", handler=handler, method="get")
            self.assertEqual(
                self.found()["registry_http_requests_total", labelled], 1, route
            )

    def test_routes_of_one_name_are_counted_together(self) -> None:
        self.count("get_manifest", b"GET", 200)
        self.count("get_manifest", b"GET", 404)
        self.count("put_manifest", b"PUT", 201)
        found = self.found()
        each = {
            dict(labelled)["code"]: value
            for (name, labelled), value in found.items()
            if name == "registry_http_requests_total"
        }
        self.assertEqual(each, {"200": 1, "404": 1, "201": 1})
        timed = labels(handler="manifest", method="get")
        name = "registry_http_request_duration_seconds_count"
        self.assertEqual(found[name, timed], 2)
        size = "registry_http_response_size_bytes_count"
        self.assertEqual(found[size, labels(handler="manifest")], 3)

    def test_made_up_methods_are_one(self) -> None:
        for place in range(1000):
            self.count("", b"M%d" % place, 405)
        found = self.found()
        labelled = labels(code="405", handler="none", method="unknown")
        self.assertEqual(found["registry_http_requests_total", labelled], 1000)
        self.assertEqual(len(self.counts._tallies), 1)

    def test_what_is_small_is_in_the_first_bucket(self) -> None:
        for size in (0, 1, 1024):
            self.counts.count("get_blob", b"GET", 200, 0.0, size, size)
        found = self.found()
        labelled = labels(handler="blob", le="1024.0")
        for name in ("request", "response"):
            self.assertEqual(
                found[f"registry_http_{name}_size_bytes_bucket", labelled], 3
            )

    def test_what_is_answered_just_now(self) -> None:
        self.count("get_version", b"GET", 200)
        found = self.found("get_blob", "delete_blob", "", "list_tags")
        for handler, count in (("base", 0), ("blob", 2), ("none", 1), ("tags", 1)):
            key = "registry_http_in_flight_requests", labels(handler=handler)
            self.assertEqual(found[key], count)

    def test_all_that_distribution_has_is_there(self) -> None:
        """Source: its ``registry/api/v2/routes.go``."""
        self.assertEqual(
            set(HANDLERS.values()) - {"none"},
            {
                *("base", "manifest", "tags", "blob"),
                *("blob_upload", "blob_upload_chunk", "catalog"),
            },
        )
