"""Tests of ``txregistry/settings/reading.py``."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.settings.reading import MEANINGLESS, NOT_YET, load_settings
from txregistry.settings.roles import apply_role
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Htpasswd, Settings
from txregistry.settings.storage import S3, Storage

STOCK_2 = """
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""
"""Of the image registry:2.8."""

STOCK_3 = """
version: 0.1
log:
  fields:
    service: registry
storage:
  delete:
    enabled: true
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
  tag:
    concurrencylimit: 8
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""
"""Of the image registry:3."""

NOTHING_SAID = apply_role(Settings())
"""Everything as it is where nothing is said."""

TOKEN = """
auth:
  token:
    realm: https://auth.example/token
    service: registry.example
    issuer: auth.example
    rootcertbundle: /etc/bundle.pem
"""
"""What ``auth.token`` needs."""


class ConfigTestCase(SynchronousTestCase):
    def load_all(
        self, text: str, environment: Mapping[str, str] | None = None
    ) -> tuple[Settings, list[str]]:
        path = make_file(self, "config.yml", text.encode()) if text else None
        return load_settings(path, environment or {})

    def load(self, text: str, **environment: str) -> Settings:
        return self.load_all(text, environment)[0]

    def refuse(self, text: str, *told: str, **environment: str) -> None:
        """Expect a refusal that tells some things."""
        with self.assertRaises(SettingsError) as raised:
            self.load(text, **environment)
        for each in told:
            self.assertIn(each, str(raised.exception))


class StockTests(ConfigTestCase):
    def test_nothing_is_a_good_configuration(self) -> None:
        self.assertEqual(load_settings(None, {}), (NOTHING_SAID, []))

    def test_empty_file_is_a_good_configuration(self) -> None:
        self.assertEqual(self.load(""), NOTHING_SAID)

    def test_2_loads(self) -> None:
        settings = self.load(STOCK_2)
        files = settings.storage.filesystem
        assert files is not None
        self.assertEqual(
            (files.rootdirectory, settings.http.addr), ("/var/lib/registry", ":5000")
        )

    def test_3_loads(self) -> None:
        headers = self.load(STOCK_3).http.headers
        self.assertEqual(headers, {"X-Content-Type-Options": ["nosniff"]})

    def test_what_has_no_meaning_is_told(self) -> None:
        _, ignored = self.load_all(STOCK_3)
        self.assertEqual(
            set(ignored), {"log.fields", "storage.cache", "storage.tag", "health"}
        )

    def test_memory_needs_no_more_than_its_name(self) -> None:
        self.assertEqual(self.load("storage:\n  inmemory:\n").storage.inmemory, {})

    def test_section_with_nothing_in_it_is_as_if_left_out(self) -> None:
        text = "http:\nlog:\nauth:\nstorage:\n  delete:\n  maintenance:\n"
        self.assertEqual(self.load(text), NOTHING_SAID)

    def test_durations_are_as_in_go(self) -> None:
        settings = self.load("storage: {maintenance: {uploadpurging: {age: 1h30m}}}")
        self.assertEqual(settings.storage.maintenance.uploadpurging.age, 5400)


class MistakeTests(ConfigTestCase):
    """Every mistake names the setting, its value and what is allowed."""

    def test_unknown_setting(self) -> None:
        self.refuse("htp: 1", "htp: there is no such setting", "http", "storage")

    def test_unknown_setting_within_a_section(self) -> None:
        self.refuse("http: {adr: x}", "http.adr: there is no such setting", "addr")

    def test_number_that_is_too_small(self) -> None:
        text = "storage: {filesystem: {maxthreads: 0}}"
        self.refuse(text, "storage.filesystem.maxthreads: 0", ">= 1")

    def test_number_that_is_negative(self) -> None:
        text = "storage: {filesystem: {minfree: -5}}"
        self.refuse(text, "storage.filesystem.minfree: -5", ">= 0")

    def test_text_for_a_switch(self) -> None:
        text = "storage: {delete: {enabled: maybe}}"
        self.refuse(text, "storage.delete.enabled: 'maybe'", "bool")

    def test_no_duration(self) -> None:
        text = "http: {idletimeout: soon}"
        self.refuse(text, "http.idletimeout: 'soon'", "ms, s, m, h or d")

    def test_duration_without_end(self) -> None:
        self.refuse("http: {idletimeout: %s}" % ("9" * 400), "http.idletimeout")

    def test_purge_without_pause(self) -> None:
        text = "storage: {maintenance: {uploadpurging: {interval: 0s}}}"
        self.refuse(text, "uploadpurging.interval: 0")

    def test_clients_that_may_not_be_silent_at_all(self) -> None:
        for text in ("999ms", "5000000"):
            self.refuse(f"http: {{idletimeout: {text}}}", "http.idletimeout", "be 1s")

    def test_content_nowhere(self) -> None:
        self.refuse(
            "storage: {filesystem: {rootdirectory: ''}}", "rootdirectory", "folder"
        )

    def test_headers_that_are_none(self) -> None:
        for headers in ("X Foo: [bar]", "X-Foo: [日本]", 'X-Foo: ["a\\nb"]'):
            self.refuse(f"http: {{headers: {{{headers}}}}}", "http.headers")

    def test_unknown_level(self) -> None:
        self.refuse("log: {level: loud}", "log.level: 'loud'", "error, warn")

    def test_unknown_formatter(self) -> None:
        self.refuse("log: {formatter: xml}", "log.formatter: 'xml'", "text, json")

    def test_unknown_role(self) -> None:
        self.refuse("role: hub", "role: 'hub'", "private, vendor, sponsor, mirror")

    def test_unknown_version_of_tls(self) -> None:
        self.refuse("http: {tls: {minimumtls: tls1.0}}", "minimumtls: 'tls1.0'")

    def test_member_of_a_list(self) -> None:
        self.refuse("http: {listen: [5000]}", "http.listen[0]: 5000", "str")

    def test_value_of_a_mapping(self) -> None:
        self.refuse("http: {headers: {X: z}}", "http.headers.X: 'z'", "; write [z].")

    def test_section_that_is_none(self) -> None:
        self.refuse("http: here", "http: 'here'", "object")

    def test_name_that_is_no_text(self) -> None:
        self.refuse("http: {5: x}", "http: ", "must be text")

    def test_two_places_for_content(self) -> None:
        text = "storage: {inmemory: {}, filesystem: {}}"
        self.refuse(text, "one of filesystem and inmemory")

    def test_certificate_without_a_key(self) -> None:
        self.refuse("http: {tls: {certificate: a}}", "certificate and key")

    def test_clients_certificates_without_a_certificate(self) -> None:
        self.refuse("http: {tls: {clientcas: [a]}}", "http.tls.clientcas")

    def test_no_yaml(self) -> None:
        self.refuse("a: [", "no YAML")

    def test_no_mapping(self) -> None:
        self.refuse("- a", "must be a mapping")

    def test_no_file(self) -> None:
        with self.assertRaises(SettingsError) as raised:
            load_settings("/nowhere/config.yml", {})
        self.assertIn(
            "/nowhere/config.yml: the file cannot be read", str(raised.exception)
        )

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text("ab:. -", max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ("http", "log", "storage", "filesystem", "addr", "tls", "auth")
                    ),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=8,
        )
    )
    def test_anything_is_settings_or_refused(self, document: object) -> None:
        try:
            settings = self.load(str(document).replace("None", "null"))
        except SettingsError as error:
            self.assertGreater(len(str(error)), 10)
        else:
            self.assertEqual(settings.role, "private")


class DangerousTests(ConfigTestCase):
    def test_what_must_not_be_passed_over_stops_the_start(self) -> None:
        for name in NOT_YET:
            text = "x: 1"
            for part in reversed(name.split(".")):
                text = f"{part}: {{{text}}}"
            self.refuse(text, f"{name}: ", "remove it")

    def test_it_does_as_a_variable_too(self) -> None:
        self.refuse("", "policy: ", "remove it", REGISTRY_POLICY_REPOSITORY="x")
        self.refuse("", "auth.silly: ", "remove it", REGISTRY_AUTH_SILLY_REALM="x")
        self.refuse("", "auth.silly: ", "remove it", REGISTRY_AUTH="silly")

    def test_nobody_is_let_in_where_only_the_name_of_a_way_is_given(self) -> None:
        for way, told in (
            ("silly", "auth.silly: "),
            ("htpasswd", "auth.htpasswd: "),
            ("token", "auth.token: "),
            ("nonsense", "auth.nonsense: there is no such setting"),
        ):
            for text in (
                f"auth: {way}",
                f"auth: {{{way}: }}",
                f"auth: {{{way}: {{}}}}",
            ):
                self.refuse(text, told)
            self.refuse("", told, REGISTRY_AUTH=way)

    def test_what_changes_nothing_is_told_one_by_one(self) -> None:
        for name in MEANINGLESS:
            text = "x: 1"
            for part in reversed(name.removeprefix("auth.token.").split(".")):
                text = f"{part}: {{{text}}}"
            if name.startswith("auth.token."):
                text = f"{TOKEN}    {text}"
            if name.startswith("storage.s3."):
                text = text.replace("s3: {", "s3: {bucket: b, region: r, ")
            self.assertEqual(self.load_all(text)[1], [name])


class VariableTests(ConfigTestCase):
    def test_goes_over_the_file(self) -> None:
        settings = self.load("http: {addr: ':1'}", REGISTRY_HTTP_ADDR="0.0.0.0:5001")
        self.assertEqual(settings.http.addr, "0.0.0.0:5001")

    def test_needs_no_file(self) -> None:
        variables = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/data"}
        settings, _ = load_settings(None, variables)
        assert settings.storage.filesystem is not None
        self.assertEqual(settings.storage.filesystem.rootdirectory, "/data")

    def test_accounts_are_named_as_for_distribution(self) -> None:
        settings = self.load(
            "",
            REGISTRY_AUTH="htpasswd",
            REGISTRY_AUTH_HTPASSWD_PATH="/auth/htpasswd",
            REGISTRY_AUTH_HTPASSWD_REALM="Registry Realm",
        )
        self.assertEqual(
            settings.auth.htpasswd, Htpasswd("/auth/htpasswd", "Registry Realm")
        )

    def test_accounts_that_are_named_need_no_more_names(self) -> None:
        settings = self.load("", REGISTRY_AUTH_HTPASSWD_PATH="/auth/htpasswd")
        self.assertEqual(settings.auth.htpasswd, Htpasswd("/auth/htpasswd"))
        for none in ("", "none"):
            self.assertEqual(self.load("", REGISTRY_AUTH=none), NOTHING_SAID)

    def test_a_store_is_named_as_for_distribution(self) -> None:
        stock = "storage: {filesystem: {rootdirectory: /x}, delete: {enabled: false}}"
        storage = self.load(
            stock,
            REGISTRY_STORAGE="s3",
            REGISTRY_STORAGE_S3_BUCKET="b",
            REGISTRY_STORAGE_S3_REGION="r",
        ).storage
        self.assertEqual(storage, Storage(s3=S3("b", "r")))
        for text, variables in (
            ("storage: inmemory", {}),
            (stock, {"REGISTRY_STORAGE": "inmemory"}),
            ("", {"REGISTRY_STORAGE": "{inmemory: {}}"}),
        ):
            found = self.load(text, **variables).storage
            self.assertEqual(found, Storage(inmemory={}))

    def test_a_store_that_nobody_knows(self) -> None:
        for text, variables in (
            ("storage: nonsense", {}),
            ("", {"REGISTRY_STORAGE": "nonsense"}),
        ):
            self.refuse(text, "storage.nonsense: there is no such setting", **variables)
        self.refuse("", "storage.gcs: ", "remove it", REGISTRY_STORAGE="gcs")
        self.refuse("", "storage", REGISTRY_STORAGE="[a]")

    def test_is_yaml(self) -> None:
        settings = self.load("", REGISTRY_STORAGE_DELETE_ENABLED="false")
        self.assertFalse(settings.storage.delete.enabled)

    def test_takes_the_place_of_what_is_no_section(self) -> None:
        settings = self.load("http: x", REGISTRY_HTTP_ADDR=":5001")
        self.assertEqual(settings.http.addr, ":5001")

    def test_lists_are_yaml_too(self) -> None:
        settings = self.load("", REGISTRY_HTTP_LISTEN="[tcp:1, tcp:2]")
        self.assertEqual(settings.http.listen, ("tcp:1", "tcp:2"))

    def test_without_meaning_it_is_told(self) -> None:
        _, ignored = self.load_all("", {"REGISTRY_LOG_FIELDS_SERVICE": "x"})
        self.assertEqual(ignored, ["log.fields"])

    def test_unknown_one_is_refused(self) -> None:
        self.refuse("", "REGISTRY_HTP_ADDR: there is no such", REGISTRY_HTP_ADDR="x")

    def test_one_that_is_no_yaml_is_refused(self) -> None:
        self.refuse("", "REGISTRY_HTTP_ADDR: '['", REGISTRY_HTTP_ADDR="[")

    def test_others_are_not_ours(self) -> None:
        self.assertEqual(self.load("", HOME="/root", REGISTRYX="1"), NOTHING_SAID)

    def test_those_of_kubernetes_are_ignored(self) -> None:
        for name in ("REGISTRY", "REGISTRY_UI", "REGISTRY_2"):
            variables = {
                "REGISTRY_AUTH_FILE": "/root/.docker/config.json",
                f"{name}_SERVICE_HOST": "10.0.0.1",
                f"{name}_SERVICE_PORT": "5000",
                f"{name}_SERVICE_PORT_HTTP": "5000",
                f"{name}_PORT": "tcp://10.0.0.1:5000",
                f"{name}_PORT_5000_TCP": "tcp://10.0.0.1:5000",
                f"{name}_PORT_5000_TCP_ADDR": "10.0.0.1",
                f"{name}_PORT_5000_TCP_PORT": "5000",
                f"{name}_PORT_5000_TCP_PROTO": "tcp",
            }
            self.assertEqual(load_settings(None, variables)[0], NOTHING_SAID)
