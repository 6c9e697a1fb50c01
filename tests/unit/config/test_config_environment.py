import pytest

from qtisync.config.file import load_settings
from qtisync.config.settings import OwnerStamp, Share
from qtisync.errors import ConfigError, ConfigProblem

SMALLEST = """\
repository:
  path: ./content.git
targets:
  staging:
    base_url: http://127.0.0.1:8765/api
    token_url: http://127.0.0.1:8765/oauth2/token
    client_id: env/QTI_CLIENT_ID
    client_secret: env/QTI_CLIENT_SECRET
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "qtisync.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def problems_of(file, environ=None):
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environ or {})
    return caught.value.problems


def test_environment_sets_any_key(write):
    environ = {
        "QTISYNC_REPOSITORY__REF": "1.10",
        "QTISYNC_STATE": "/var/lib/qtisync",
        "QTISYNC_CONTENT__SIDECAR": "{stem}.yml",
        "QTISYNC_CONTENT__EXCLUDE": '["drafts/**"]',
        "QTISYNC_TARGETS__STAGING__MAX_UPDATE": "5%",
        "QTISYNC_TARGETS__STAGING__MAX_CONCURRENCY": "4",
        "QTISYNC_TARGETS__STAGING__PRODUCTION": "true",
        "QTISYNC_TARGETS__STAGING__ON_CONTENT_CHANGE": "{humanApproved: false}",
        "QTISYNC_TARGETS__STAGING__OWNER_STAMP": "{key: managedBy, value: us}",
        "HOME": "/root",
    }

    loaded = load_settings(write(SMALLEST), environ)
    target = loaded.settings.targets["staging"]

    assert loaded.settings.repository.ref == "1.10"
    assert loaded.settings.state == "/var/lib/qtisync"
    assert loaded.settings.content.sidecar == "{stem}.yml"
    assert loaded.settings.content.exclude == ("drafts/**",)
    assert (target.max_update, target.max_concurrency, target.production) == (Share(5.0), 4, True)
    assert target.on_content_change == {"humanApproved": False}
    assert target.owner_stamp == OwnerStamp(key="managedBy", value="us")
    assert loaded.overrides == tuple(sorted(environ.keys() - {"HOME"}))


def test_environment_matches_names_of_targets_loosely_and_fills_an_empty_one(write):
    text = "repository: {path: c}\ntargets:\n  eu-Prod:\n"
    environ = {
        "QTISYNC_TARGETS__EU_PROD__BASE_URL": "https://qti.example.org/api",
        "QTISYNC_TARGETS__EU_PROD__TOKEN_URL": "https://qti.example.org/token",
        "QTISYNC_TARGETS__EU_PROD__CLIENT_ID": "me",
        "QTISYNC_TARGETS__EU_PROD__CLIENT_SECRET": "env/SECRET",
    }

    assert load_settings(write(text), environ).settings.targets["eu-Prod"].base_url == "https://qti.example.org/api"


def test_schema_folder_has_a_short_name_in_the_environment(write):
    assert load_settings(write(SMALLEST), {"QTISYNC_SCHEMA_DIR": "/xsd"}).settings.content.schema_dir == "/xsd"


def test_fault_of_a_variable_names_the_variable(write):
    environ = {"QTISYNC_TARGETS__STAGING__MAX_CONCURRENCY": "many", "QTISYNC_CONTENT__INCLUDE": '["../x"]'}

    assert problems_of(write(SMALLEST), environ) == (
        ConfigProblem(
            where="QTISYNC_CONTENT__INCLUDE",
            message="leaves the repository",
            hint='write it from the top of the repository, with /: "items/**/*.xml"',
        ),
        ConfigProblem(
            where="QTISYNC_TARGETS__STAGING__MAX_CONCURRENCY",
            message="must be a whole number",
            hint="write digits only, without quotes",
        ),
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("QTISYNC_REPOSITORY__REFF", "did you mean QTISYNC_REPOSITORY__REF?"),
        ("QTISYNC_TARGETS__STAGING__MAXUPDATE", "did you mean QTISYNC_TARGETS__STAGING__MAX_UPDATE?"),
        ("QTISYNC_TARGETS__X__Y", "the targets of the file are set by: QTISYNC_TARGETS__STAGING__…"),
        ("QTISYNC_VERBOSE", "unset it; a key is set by QTISYNC_SECTION__KEY, such as QTISYNC_REPOSITORY__REF"),
    ],
)
def test_unknown_variable_is_an_error_with_a_suggestion(write, name, hint):
    assert problems_of(write(SMALLEST), {name: "CANARY-3"}) == (
        ConfigProblem(where=name, message="is not a setting that qtisync knows", hint=hint),
    )


def test_variables_that_secrets_refer_to_are_no_settings(write):
    text = SMALLEST.replace("env/QTI_CLIENT_SECRET", "env/QTISYNC_SECRET")
    environ = {"QTISYNC_SECRET": "s3cret", "QTISYNC_CONFIG": "unused"}

    assert load_settings(write(text), environ).settings.targets["staging"].client_secret.read(environ) == "s3cret"
