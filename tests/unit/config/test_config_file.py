from pathlib import Path

import pytest

from qtisync.config.file import load_settings
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


def test_smallest_configuration_is_enough(write, tmp_path):
    loaded = load_settings(write(SMALLEST), {})

    assert loaded.file == tmp_path / "qtisync.yaml"
    assert loaded.settings.repository.path == str(tmp_path / "content.git")
    assert loaded.settings.repository.ref == "main"
    assert loaded.overrides == ()


def test_paths_are_relative_to_the_folder_of_the_file(write, tmp_path):
    text = SMALLEST.replace("env/QTI_CLIENT_SECRET", "file/secret") + "state: ../record\ncontent: {schema_dir: xsd}\n"
    (tmp_path / "secret").write_text("s3cret")

    settings = load_settings(write(text), {}).settings

    assert settings.state == str(tmp_path.parent / "record")
    assert settings.content.schema_dir == str(tmp_path / "xsd")
    assert settings.targets["staging"].client_secret.read({}) == "s3cret"


def test_default_state_is_below_the_folder_of_the_file(write, tmp_path):
    assert load_settings(write(SMALLEST), {}).settings.state == str(tmp_path / "state")


def test_every_fault_is_reported_at_once_with_its_line(write):
    text = """\
repository:
  path: ./content.git
  reff: main
content:
  include: "**/*.xml"
targets:
  staging:
    base_url: http://qti.example.org/api
    token_url: https://qti.example.org/token
    client_id: env/QTI_CLIENT_ID
    maxupdate: 30%
    max_delete: some
    on_drift: ignore
    production: yes
    max_concurrency: 100
"""

    assert problems_of(write(text)) == (
        ConfigProblem(
            where="repository.reff", line=3, message="is not a key that qtisync knows", hint="did you mean ref?"
        ),
        ConfigProblem(where="content.include", line=5, message="must be a list", hint='write it like ["one", "two"]'),
        ConfigProblem(
            where="targets.staging.client_secret",
            line=7,
            message="is missing",
            hint="add client_secret: env/QTI_CLIENT_SECRET",
        ),
        ConfigProblem(
            where="targets.staging.base_url",
            line=8,
            message="would send credentials unencrypted",
            hint="write https:// (http is for this machine only)",
        ),
        ConfigProblem(
            where="targets.staging.maxupdate",
            line=11,
            message="is not a key that qtisync knows",
            hint="did you mean max_update?",
        ),
        ConfigProblem(
            where="targets.staging.max_delete",
            line=12,
            message="is neither a share nor a whole number",
            hint="write a share such as 30%, or a whole number of items such as 12",
        ),
        ConfigProblem(
            where="targets.staging.on_drift",
            line=13,
            message="must be report, overwrite or block",
            hint='write one of these words, or patterns of paths with one each: {"items/exams/**": block}',
        ),
        ConfigProblem(
            where="targets.staging.production",
            line=14,
            message="must be true or false",
            hint="write true or false, without quotes",
        ),
        ConfigProblem(
            where="targets.staging.max_concurrency", line=15, message="must be at most 64", hint="write another number"
        ),
    )


def test_secret_written_into_the_file_is_not_repeated(write):
    with pytest.raises(ConfigError) as caught:
        load_settings(write(SMALLEST.replace("env/QTI_CLIENT_SECRET", "CANARY-2")), {})
    seen: BaseException | None = caught.value
    texts = [repr(caught.value.problems)]
    while seen is not None:
        texts.append(f"{seen} {seen!r}")
        seen = seen.__cause__ or seen.__context__

    assert "CANARY" not in "".join(texts)
    assert caught.value.problems[0].line == 8


def test_syntax_error_names_its_line(write):
    [problem] = problems_of(write("repository:\n  path: [1\ntargets: {}\n"))

    assert problem.line == 3
    assert "YAML" in problem.message


@pytest.mark.parametrize(
    ("text", "where", "line", "word"),
    [
        ("a: 1\na: 2\n", "a", 2, "twice"),
        ("repository: {path: c, path: d}\n", "repository.path", 1, "twice"),
        ("a: &x 1\nb: *x\n", "a", 1, "anchor"),
        ("a: !!python/name:os.system x\n", "a", 1, "tag"),
        ("a: 1\n---\nb: 2\n", "the file", 2, "more than one document"),
        ("[1, 2]: 3\n", "the file", 1, "key that is a list"),
        ("x: " + "[" * 500 + "]" * 500, "the file", 1, "deep"),
        ("x: " + "9" * 5000, "x", 1, "usable number"),
        ("- 1\n", "the file", 1, "mapping"),
    ],
)
def test_yaml_that_hides_something_is_refused(write, text, where, line, word):
    found = [problem for problem in problems_of(write(text)) if problem.where == where and word in problem.message]

    assert [problem.line for problem in found] == [line]
    assert found[0].hint


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a: \x00\n", b"#" * 1_000_001])
def test_file_that_is_no_configuration_is_refused(write, data):
    assert problems_of(write(data))


def test_empty_file_says_what_is_missing(write):
    assert [problem.where for problem in problems_of(write(""))] == ["repository", "targets"]


def test_byte_order_mark_is_accepted(write):
    assert load_settings(write(b"\xef\xbb\xbf" + SMALLEST.encode()), {}).settings.repository.ref == "main"


def test_no_and_dates_are_texts(write):
    text = (
        SMALLEST + "    on_content_change: {a: no, b: 2024-01-01, c: 012, d: 1:30, e: true, f: null, g: 1.5, h: '7'}\n"
    )

    assert load_settings(write(text), {}).settings.targets["staging"].on_content_change == {
        "a": "no",
        "b": "2024-01-01",
        "c": "012",
        "d": "1:30",
        "e": True,
        "f": None,
        "g": 1.5,
        "h": "7",
    }


def test_missing_file_says_how_to_get_one(tmp_path):
    [problem] = problems_of(tmp_path / "none.yaml")

    assert str(tmp_path / "none.yaml") in problem.message
    assert "qtisync init" in problem.hint


def test_file_is_found_here_or_named_by_the_environment(write, tmp_path, monkeypatch):
    file = write(SMALLEST)
    monkeypatch.chdir(tmp_path)

    assert load_settings(None, {}).file == file
    monkeypatch.chdir(Path("/"))
    assert load_settings(None, {"QTISYNC_CONFIG": str(file)}).file == file


def test_a_working_tree_is_a_folder_of_this_machine(write):
    text = SMALLEST.replace("  path: ./content.git", "  url: https://git.example.org/c.git\n  source: worktree")

    (problem,) = problems_of(write(text))

    assert (problem.where, problem.message) == ("repository", "has url and source: worktree")
    assert problem.hint == "a working tree is on this machine: name its folder in path"


def test_unknown_key_of_the_owner_stamp_is_refused_with_a_suggestion(write):
    text = SMALLEST + "    owner_stamp: {key: managedBy, vaule: us}\n"
    assert [(p.where, p.message, p.hint) for p in problems_of(write(text))] == [
        ("targets.staging.owner_stamp.value", "is missing", "add it; config.example.yaml shows every key"),
        ("targets.staging.owner_stamp.vaule", "is not a key that qtisync knows", "did you mean value?"),
    ]
