from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from domain.event import Command, Event, data_of
from domain.refusals import UnknownHeader, WebhookExists, WebhookIsPaused, WebhookNotFound
from domain.webhook import (
    PAUSE_REASONS,
    WEBHOOK,
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    PauseReason,
    PauseWebhook,
    ReplayWebhook,
    ResumeWebhook,
    RotateSecret,
    SigningKeys,
    TestWebhook,
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookPaused,
    WebhookReplayed,
    WebhookResumed,
    WebhookSecretRotated,
    WebhookSettings,
    WebhookTested,
)
from tests.domain.specification import folded, given

UNTIL = datetime(2026, 3, 5, tzinfo=UTC)
SETTINGS = WebhookSettings(url="https://crm.example.com/in?token=t", types=("customer-renamed",))
ELSEWHERE = WebhookSettings(url="https://mail.example.com/in", order="store")
FIRST, SECOND, THIRD = (
    SigningKeys(symmetric=byte * 32, private=byte * 32, public=byte * 32) for byte in (b"1", b"2", b"3")
)
TOKEN = {"authorization": "Bearer t"}

create = CreateWebhook(settings=SETTINGS, keys=FIRST, since=41, headers=TOKEN)
created = WebhookCreated(settings=SETTINGS, keys=FIRST, since=41, headers=TOKEN)
paused = WebhookPaused(reason="asked")
resumed = WebhookResumed()
rotated = WebhookSecretRotated(keys=SECOND, former_until=UNTIL)
deleted = WebhookDeleted(host="crm.example.com")
test = TestWebhook()
replay = ReplayWebhook(after=7, until=9)


def test_a_webhook_is_created() -> None:
    given(WEBHOOK).when(create).then(created)


@pytest.mark.parametrize("history", [(created,), (created, deleted)])
def test_an_id_is_never_given_twice(history: tuple[Event, ...]) -> None:
    given(WEBHOOK, *history).when(create).refused(WebhookExists)


@pytest.mark.parametrize("history", [(created,), (created, paused)], ids=["enabled", "paused"])
def test_a_webhook_is_changed_whether_it_is_paused_or_not(history: tuple[Event, ...]) -> None:
    changed = WebhookChanged(settings=ELSEWHERE, headers={"x-shop": "a"})
    given(WEBHOOK, *history).when(ChangeWebhook(settings=ELSEWHERE, headers={"x-shop": "a"})).then(changed)


def test_headers_that_are_not_sent_stay_and_so_do_values_that_are_not() -> None:
    changed = WebhookChanged(settings=ELSEWHERE, headers=TOKEN)
    given(WEBHOOK, created).when(ChangeWebhook(settings=ELSEWHERE)).then(changed)
    both = WebhookChanged(settings=SETTINGS, headers=TOKEN | {"x-shop": "a"})
    sent: dict[str, str | None] = {"authorization": None, "x-shop": "a"}
    given(WEBHOOK, created).when(ChangeWebhook(settings=SETTINGS, headers=sent)).then(both)


def test_a_header_that_it_does_not_have_can_not_stay() -> None:
    command = ChangeWebhook(settings=SETTINGS, headers={"x-shop": None})
    given(WEBHOOK, created).when(command).refused(UnknownHeader, "x-shop")


def test_the_same_settings_again_are_no_event() -> None:
    given(WEBHOOK, created).when(ChangeWebhook(settings=SETTINGS)).then_nothing()
    given(WEBHOOK, created).when(ChangeWebhook(settings=SETTINGS, headers={"authorization": None})).then_nothing()


@pytest.mark.parametrize("reason", PAUSE_REASONS)
def test_a_webhook_is_paused_once_whatever_the_reason(reason: PauseReason) -> None:
    pause = PauseWebhook(reason=reason)
    paused_for = WebhookPaused(reason=reason)
    given(WEBHOOK, created).when(pause).then(paused_for)
    given(WEBHOOK, created, paused).when(pause).then_nothing()


def test_a_paused_webhook_is_resumed_and_one_that_is_not_stays_as_it_is() -> None:
    given(WEBHOOK, created, paused).when(ResumeWebhook()).then(resumed)
    given(WEBHOOK, created).when(ResumeWebhook()).then_nothing()


def test_two_secrets_at_most_sign_the_newest_first() -> None:
    given(WEBHOOK, created).when(RotateSecret(keys=SECOND, former_until=UNTIL)).then(rotated)
    again = WebhookSecretRotated(keys=THIRD, former_until=UNTIL)
    state = folded(WEBHOOK, created, rotated, again)
    assert state is not None
    assert state.keys == (THIRD, replace(SECOND, until=UNTIL))


def test_a_webhook_is_tested_unless_it_is_paused() -> None:
    tested = WebhookTested()
    given(WEBHOOK, created).when(test).then(tested)
    given(WEBHOOK, created, paused).when(test).refused(WebhookIsPaused)


@pytest.mark.parametrize("history", [(created,), (created, paused)], ids=["enabled", "paused"])
def test_a_range_is_replayed_to_a_webhook(history: tuple[Event, ...]) -> None:
    replayed = WebhookReplayed(after=7, until=9)
    given(WEBHOOK, *history).when(replay).then(replayed)
    given(WEBHOOK, *history).when(ReplayWebhook(after=7, until=7)).then_nothing()


def test_the_end_of_a_webhook_tells_where_events_went_and_no_token() -> None:
    given(WEBHOOK, created).when(DeleteWebhook()).then(deleted)


@pytest.mark.parametrize("history", [(), (created, deleted), (deleted,)], ids=["never", "deleted", "forgotten"])
@pytest.mark.parametrize(
    "command",
    [ChangeWebhook(settings=SETTINGS), PauseWebhook(reason="gone"), ResumeWebhook(), test, replay, DeleteWebhook(),
     RotateSecret(keys=SECOND, former_until=UNTIL)],
)  # fmt: skip
def test_nothing_happens_to_a_webhook_that_is_not_there(history: tuple[Event, ...], command: Command) -> None:
    given(WEBHOOK, *history).when(command).refused(WebhookNotFound)


@pytest.mark.parametrize("event", [created, rotated, WebhookChanged(settings=SETTINGS, headers=TOKEN)])
def test_no_secret_and_no_value_of_a_header_is_shown(event: Event) -> None:
    assert not {"keys", "headers"} & data_of(event).keys()
    assert "1111" not in repr(FIRST)
