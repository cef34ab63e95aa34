"""A specification: given what happened, when something is asked, then what happens, or why it is refused."""

from functools import reduce
from typing import Generic, NamedTuple, TypeVar

import pytest

from domain.event import Command, Decider, Event
from domain.refusals import Refusal

S = TypeVar("S")


class When(NamedTuple, Generic[S]):
    decider: Decider[S]
    state: S
    command: Command

    def then(self, *events: Event) -> None:
        """Exactly these events happen, in this order, and they fold."""
        assert self.decider.decide(self.command, self.state) == list(events)
        reduce(self.decider.evolve, events, self.state)

    def then_nothing(self) -> None:
        self.then()

    def refused(self, refusal: type[Refusal], *facts: object) -> None:
        """For exactly this reason, with exactly these facts."""
        with pytest.raises(refusal) as caught:
            self.decider.decide(self.command, self.state)
        assert (caught.type, caught.value.args) == (refusal, facts)


class Given(NamedTuple, Generic[S]):
    decider: Decider[S]
    state: S

    def when(self, command: Command) -> When[S]:
        return When(self.decider, self.state, command)


def given(decider: Decider[S], *events: Event) -> Given[S]:
    return Given(decider, folded(decider, *events))


def folded(decider: Decider[S], *events: Event) -> S:
    """The state after these events."""
    return reduce(decider.evolve, events, decider.initial)
