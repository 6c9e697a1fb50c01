import pytest
from pydantic import ValidationError

from qtisync.config.settings import Content, Count, Repository, SecretKind, SecretReference, Settings, Share, Target
from qtisync.config.values import FAULT

MINIMUM = {
    "base_url": "http://127.0.0.1:8765/api",
    "token_url": "http://127.0.0.1:8765/oauth2/token",
    "client_id": "env/QTI_CLIENT_ID",
    "client_secret": "env/QTI_CLIENT_SECRET",
}


def a_target(**changes: object) -> Target:
    return Target.model_validate({**MINIMUM, **changes})


def fault_of(**changes: object) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        a_target(**changes)
    [error] = caught.value.errors()
    assert error["type"] == FAULT
    return error["ctx"]["message"], error["ctx"]["hint"]


@pytest.mark.parametrize(
    ("written", "limit"),
    [("30%", Share(30.0)), ("2.5 %", Share(2.5)), (12, Count(12)), (0, Count(0)), ("100%", Share(100.0))],
)
def test_limit_is_a_share_or_a_count(written, limit):
    assert a_target(max_update=written).max_update == limit


@pytest.mark.parametrize("written", ["a lot", 0.3, -1, "101%", True, None, "12", "-3%", "%"])
def test_limit_that_is_neither_is_refused(written):
    message, hint = fault_of(max_delete=written)

    assert message
    assert hint == "write a share such as 30%, or a whole number of items such as 12"


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("10m", 600), ("6h", 21_600), ("1.5h", 5_400), ("1d", 86_400)]
)
def test_duration_is_seconds(written, seconds):
    assert a_target(reconcile_every=written).reconcile_every == seconds


@pytest.mark.parametrize("written", ["6", 90, "6 hours", "-1h", "0s", "9999d", "", None, "1e3s"])
def test_duration_without_a_usable_unit_is_refused(written):
    assert fault_of(reconcile_every=written)[1].startswith("write a number and a unit") or written in ("0s", "9999d")


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan"), "10", True])
def test_rate_must_be_a_positive_finite_number(rate):
    with pytest.raises(ValidationError):
        a_target(max_requests_per_second=rate)


@pytest.mark.parametrize(
    "url",
    ["https://qti.example.org/api", "http://127.0.0.1:8765/api", "http://localhost/x", "http://[::1]:80/api"],
)
def test_address_is_kept_without_its_last_slash(url):
    assert a_target(base_url=url + "/").base_url == url


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://qti.example.org/api", "unencrypted"),
        ("http://127.0.0.1.example.org/api", "unencrypted"),
        ("https://user:pw@qti.example.org/api", "user name"),
        ("https://qti.example.org/api?x=1", "query"),
        ("https://qti.example.org/api#x", "fragment"),
        ("https://qti.example.org/api?", "query"),
        ("qti.example.org/api", "absolute"),
        ("/api", "absolute"),
        ("ftp://qti.example.org", "absolute"),
        ("https://", "absolute"),
        ("https://qti.example.org:port/", "URL"),
        ("https://[::1", "URL"),
        ("https://qti.example.org/a b", "white space"),
        ("https://qti.example.org/\n", "white space"),
    ],
)
def test_address_that_could_leak_or_go_astray_is_refused(url, word):
    assert word in fault_of(token_url=url)[0]


@pytest.mark.parametrize(
    ("written", "reference"),
    [
        ("env/QTI_CLIENT_SECRET", SecretReference(kind=SecretKind.ENV, name="QTI_CLIENT_SECRET")),
        ("file//run/secrets/qti", SecretReference(kind=SecretKind.FILE, name="/run/secrets/qti")),
        ("credential/qti", SecretReference(kind=SecretKind.CREDENTIAL, name="qti")),
    ],
)
def test_secret_is_a_reference(written, reference):
    assert a_target(client_secret=written).client_secret == reference


@pytest.mark.parametrize(
    "written", ["CANARY-1", "env/CANARY-1 ", "env/", "vault/CANARY-1", "credential/../CANARY-1", 12345, None, "file/"]
)
def test_secret_itself_is_refused_and_never_repeated(written):
    with pytest.raises(ValidationError) as caught:
        a_target(client_secret=written)
    [error] = caught.value.errors(include_input=False)

    assert "env/NAME" in error["ctx"]["hint"]
    assert "CANARY" not in str(caught.value) + repr(caught.value) + repr(error)


def test_client_id_may_stand_there_itself():
    assert a_target(client_id="abc123").client_id == SecretReference(kind=SecretKind.LITERAL, name="abc123")
    assert a_target(client_id="abc123").client_id.read({}) == "abc123"


@pytest.mark.parametrize("ref", ["main", "refs/heads/feature/x", "v1.0", "3f2a9c1"])
def test_ref_may_be_any_name_of_a_commit(ref):
    assert Repository(path="c", ref=ref).ref == ref


@pytest.mark.parametrize("ref", ["", "--upload-pack=x", "a..b", "a b", "main:file", "HEAD~1", "@{-1}", "a\nb"])
def test_ref_that_git_could_take_for_something_else_is_refused(ref):
    with pytest.raises(ValidationError):
        Repository(path="c", ref=ref)


@pytest.mark.parametrize(
    "url", ["https://git.example.org/c.git", "ssh://git@git.example.org/c", "git@git.example.org:c.git"]
)
def test_repository_url_is_read(url):
    assert Repository(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://git.example.org/c",
        "ext::sh -c x",
        "https://u:pw@git.example.org/c",
        "https://token@git.example.org/c",
        "file:///c",
        "-x",
        "https://[",
        "ssh://-oProxyCommand=x/c",
    ],
)
def test_repository_url_with_credentials_or_other_scheme_is_refused(url):
    with pytest.raises(ValidationError):
        Repository(url=url)


@pytest.mark.parametrize(
    "sidecar", ["{stem}.txt", "meta.yaml", "{stem}{stem}.yaml", "{name}.yaml", "../{stem}.yaml", "/{stem}.yaml"]
)
def test_sidecar_pattern_that_cannot_work_is_refused(sidecar):
    with pytest.raises(ValidationError):
        Content(sidecar=sidecar)


@pytest.mark.parametrize("pattern", ["", "../*.xml", "a/../../*.xml", "a\\b"])
def test_pattern_never_leaves_the_repository(pattern):
    with pytest.raises(ValidationError):
        Content(include=(pattern,))


@pytest.mark.parametrize("state", ["postgresql://h/db", "sqlite:///x", "", "~/state"])
def test_state_is_a_folder_on_this_machine(state):
    with pytest.raises(ValidationError):
        Settings.model_validate({"repository": {"path": "c"}, "state": state, "targets": {}})
