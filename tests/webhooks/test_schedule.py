"""When a failed message is sent again."""

from datetime import UTC, datetime

import pytest

from service.webhooks.delivery.schedule import JITTER, retry_after, wait

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
MINUTE, HOUR = 60, 3_600
WAITS = [0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR, HOUR, HOUR]


@pytest.mark.parametrize(("failures", "seconds"), list(enumerate(WAITS)))
def test_attempts_come_ever_more_seldom_and_then_hourly(failures: int, seconds: int) -> None:
    waits = [wait(failures) for _ in range(100)]
    assert all(seconds * (1 - JITTER) <= each <= seconds * (1 + JITTER) for each in waits)
    assert len(set(waits)) > 50 or not seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("99999999999", 86_400),
        ("Wed, 04 Mar 2026 12:01:00 GMT", 60),
        ("Wed, 04 Mar 2026 11:00:00 GMT", 0),
        ("Wed, 04 Mar 2027 12:00:00 GMT", 86_400),
        ("soon", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", None),
        ("Mon, 01 Jan 2026 00:00:00 +9999", None),
        ("-5", None),
        ("١٢", None),
        ("", None),
        (None, None),
    ],
)
def test_a_receiver_says_when_to_come_again(header: str | None, seconds: int | None) -> None:
    assert retry_after(header, NOW) == seconds
