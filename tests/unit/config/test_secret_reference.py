import pytest

from qtisync.config.secret_reference import parse_reference
from qtisync.errors import ConfigError


def test_secret_is_read_without_white_space_and_anew(tmp_path):
    file = tmp_path / "secret"
    reference = parse_reference(f"file/{file}")
    file.write_text("one\n")
    first = reference.read({})
    file.write_text("  two  \n")

    assert (first, reference.read({})) == ("one", "two")


def test_credential_is_read_from_the_directory_of_systemd(tmp_path):
    (tmp_path / "qti").write_text("s3cret\n")

    assert parse_reference("credential/qti").read({"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "s3cret"


@pytest.mark.parametrize(
    ("written", "environ", "word"),
    [
        ("env/NOPE", {}, "not set"),
        ("env/BLANK", {"BLANK": " \n"}, "empty"),
        ("credential/qti", {}, "CREDENTIALS_DIRECTORY"),
        ("file//nonexistent/secret", {}, "cannot be read"),
        ("file//", {}, "cannot be read"),
    ],
)
def test_secret_that_cannot_be_read_says_where_and_what_to_do(written, environ, word):
    with pytest.raises(ConfigError) as caught:
        parse_reference(written).read(environ, where="targets.staging.client_secret")
    [problem] = caught.value.problems

    assert problem.where == "targets.staging.client_secret"
    assert word in problem.message
    assert problem.hint
