import subprocess
import sys

import jsonschema
import pytest
from pydantic import ValidationError

from qtisync.config.settings import (
    Count,
    OwnerStamp,
    Repository,
    Settings,
    Share,
    Target,
    choose_target,
    settings_schema,
)
from qtisync.errors import ConfigError, ConfigProblem

MINIMUM = {
    "base_url": "http://127.0.0.1:8765/api",
    "token_url": "http://127.0.0.1:8765/oauth2/token",
    "client_id": "env/QTI_CLIENT_ID",
    "client_secret": "env/QTI_CLIENT_SECRET",
}


def a_target(**changes: object) -> Target:
    return Target.model_validate({**MINIMUM, **changes})


def settings_with(*names: str) -> Settings:
    return Settings.model_validate({"repository": {"path": "c"}, "targets": dict.fromkeys(names, MINIMUM)})


def test_defaults_of_a_target_are_those_of_the_interface():
    target = a_target()

    assert target.model_dump(exclude=set(MINIMUM)) == {
        "client_auth": "body",
        "scope": None,
        "production": False,
        "max_requests_per_second": 10.0,
        "max_concurrency": 8,
        "pace": "adaptive",
        "retry_after": "obey",
        "metadata_updates": "endpoint",
        "foreign_metadata": "preserve",
        "on_conflict": "report",
        "on_drift": "report",
        "on_content_change": {},
        "verify": "response",
        "owned_prefixes": (),
        "owner_stamp": None,
        "removal": "report",
        "max_update": "30%",
        "max_delete": "0",
        "reconcile_every": "6h",
    }
    assert (target.max_update, target.max_delete, target.reconcile_every) == (Share(30.0), Count(0), 21_600.0)


def test_sections_are_frozen():
    with pytest.raises(ValidationError):
        a_target().pace = "fixed"


@pytest.mark.parametrize("workers", [0, 65, 2.5, "8", True])
def test_concurrency_is_from_1_to_64(workers):
    with pytest.raises(ValidationError):
        a_target(max_concurrency=workers)


@pytest.mark.parametrize("both", [{}, {"path": "c", "url": "https://git.example.org/c"}])
def test_repository_is_named_exactly_once(both):
    with pytest.raises(ValidationError):
        Repository(**both)


@pytest.mark.parametrize("names", [("a__b",), ("",), ("a b",), ("eu-prod", "EU_prod"), ("-a",)])
def test_names_of_targets_must_fit_into_names_of_variables(names):
    with pytest.raises(ValidationError):
        settings_with(*names)


def test_only_target_is_chosen_without_a_name():
    settings = settings_with("staging")

    assert choose_target(settings, None) == ("staging", settings.targets["staging"])


def test_named_target_is_chosen_among_several():
    settings = settings_with("staging", "live")

    assert choose_target(settings, "live") == ("live", settings.targets["live"])


@pytest.mark.parametrize(
    ("names", "name", "message", "hint"),
    [
        (("staging", "live"), None, "there are several targets", "choose one with --target: staging, live"),
        (("staging",), "prod", "there is no target 'prod'", "choose one with --target: staging"),
        ((), None, "there is no target", "describe one below targets:"),
    ],
)
def test_choice_that_is_not_clear_names_the_choices(names, name, message, hint):
    with pytest.raises(ConfigError) as caught:
        choose_target(settings_with(*names), name)

    assert caught.value.problems == (ConfigProblem(where="targets", message=message, hint=hint),)


def test_schema_describes_every_key_and_accepts_the_smallest_configuration():
    schema = settings_schema()
    keys = [schema, *schema["$defs"].values()]

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"repository": {"path": "c"}, "targets": {"staging": MINIMUM}}, schema)
    assert [
        key for part in keys for key, value in part.get("properties", {}).items() if not value.get("description")
    ] == []
    assert schema["$defs"]["Target"]["properties"]["max_update"]["default"] == "30%"
    assert schema["$defs"]["Target"]["properties"]["reconcile_every"]["default"] == "6h"


def test_importing_the_configuration_loads_nothing_heavy():
    heavy = {"structlog", "httpx", "lxml", "sqlalchemy", "git", "rich", "watchdog"}
    code = f"import sys, qtisync.config, qtisync.config.file; print(sorted({heavy!r} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_owner_stamp_is_a_key_of_ones_own_with_a_name():
    stamp = a_target(owner_stamp={"key": "managedBy", "value": "alg-content"}).owner_stamp
    assert stamp == OwnerStamp(key="managedBy", value="alg-content")


@pytest.mark.parametrize(
    ("stamp", "message"),
    [
        ({"key": "grade", "value": "us"}, "is grade, which has a meaning of its own at the API"),
        ({"key": "QtiSync", "value": "us"}, "is the reserved key of sidecars, which is never sent"),
        ({"key": "", "value": "us"}, "is empty, or begins or ends with white space"),
        ({"key": "owner", "value": " us"}, "is empty, or begins or ends with white space"),
        ({"key": "owner", "value": "x" * 41}, "is no name"),
        ({"key": "owner", "value": "a\nb"}, "is no name"),
        ({"key": "owner", "value": 5}, "Input should be a valid string"),
        ({"key": "owner"}, "Field required"),
    ],
)
def test_owner_stamp_that_cannot_say_whose_an_object_is_is_refused(stamp, message):
    with pytest.raises(ValidationError) as caught:
        a_target(owner_stamp=stamp)
    assert [error["msg"] for error in caught.value.errors()] == [message]


def test_stamp_that_a_content_change_would_overwrite_is_refused():
    stamp = {"key": "owner", "value": "us"}
    assert a_target(owner_stamp=stamp, on_content_change={"owner": "us", "x": 1})
    with pytest.raises(ValidationError, match="sets owner in on_content_change and in owner_stamp"):
        a_target(owner_stamp=stamp, on_content_change={"owner": "them"})
