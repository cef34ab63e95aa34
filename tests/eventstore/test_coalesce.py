"""Questions asked together are all answered, whenever they come."""

import asyncio
from collections.abc import Sequence

from eventstore.reading.coalesce import AT_ONCE, Coalescer
from tests.eventstore.acts import PATIENCE


async def test_a_question_that_comes_just_when_all_round_trips_have_ended_is_answered() -> None:
    """It comes in the very step of the loop in which the last ones end, before anything else has run."""
    gate = asyncio.Event()

    async def ask(questions: Sequence[int]) -> Sequence[int]:
        await gate.wait()
        return questions

    coalescer = Coalescer(ask)

    async def asked_twice(question: int) -> int:
        await coalescer(question)
        return await coalescer(question)

    first = [asyncio.create_task(asked_twice(number)) for number in range(AT_ONCE)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.wait_for(asyncio.gather(*first), PATIENCE) == list(range(AT_ONCE))


async def test_many_questions_over_and_over_are_all_answered() -> None:
    async def ask(questions: Sequence[int]) -> Sequence[int]:
        for _ in range(questions[0] % 3):
            await asyncio.sleep(0)
        return questions

    coalescer = Coalescer(ask)

    async def over_and_over(number: int) -> None:
        for turn in range(200):
            assert await coalescer(number + turn) == number + turn
            for _ in range((number + turn) % 5):
                await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(*(over_and_over(number) for number in range(10))), PATIENCE)
