import pytest

from qtisync.sandbox.limits import Bucket, retry_after


def test_burst_passes_then_the_rate():
    bucket = Bucket(rate=2, burst=3)

    assert [bucket.take(100.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert [bucket.take(100.5), bucket.take(100.5)] == [0, 0.5]
    assert (bucket.passed, bucket.refused) == (4, 2)


def test_quiet_time_saves_no_more_than_the_burst():
    bucket = Bucket(rate=10, burst=2)
    bucket.take(0.0)

    assert [bucket.take(1000.0) for _ in range(3)] == [0, 0, 0.1]


def test_without_a_rate_everything_passes():
    bucket = Bucket(None, None)

    assert [bucket.take(0.0) for _ in range(100)] == [0] * 100
    assert bucket.headers("ietf") == ()


def test_rate_can_change_while_it_runs():
    bucket = Bucket(rate=1, burst=1)
    bucket.take(0.0)
    bucket.set_rate(100)

    assert bucket.take(0.02) == 0
    with pytest.raises(ValueError, match="not a number of requests"):
        bucket.set_rate(0)


@pytest.mark.parametrize(("rate", "size"), [(0.5, 1), (1, 1), (7.9, 7)])
def test_burst_is_one_second_of_the_rate_and_at_least_one(rate, size):
    bucket = Bucket(rate, None)

    assert [bucket.take(0.0) > 0 for _ in range(size + 1)] == [*[False] * size, True]


@pytest.mark.parametrize(("form", "name"), [("ietf", "RateLimit"), ("x", "X-RateLimit")])
def test_headers_say_what_is_left(form, name):
    bucket = Bucket(rate=2, burst=4)
    bucket.take(0.0)

    assert bucket.headers(form) == ((f"{name}-Limit", "4"), (f"{name}-Remaining", "3"), (f"{name}-Reset", "1"))


@pytest.mark.parametrize(
    ("form", "seconds", "value"),
    [
        ("seconds", 0.2, "1"),
        ("seconds", 1.2, "2"),
        ("decimal", 0.25, "0.250"),
        ("date", 1.0, "Thu, 01 Jan 1970 00:00:11 GMT"),
        ("garbage", 1.0, "in a little while, perhaps"),
        ("huge", 1.0, "31536000"),
    ],
)
def test_forms_of_retry_after(form, seconds, value):
    assert retry_after(form, seconds, wall=10.0) == (("Retry-After", value),)


def test_retry_after_may_be_missing():
    assert retry_after("none", 1.0, wall=10.0) == ()
