"""Coalesces queries: those that arrive while round trips are under way go together into the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

MOST = 128  # in one round trip
AT_ONCE = 3  # round trips, so that a long one does not hold up all others

Question: TypeAlias = tuple[Q, asyncio.Future[A]]


class Coalescer(Generic[Q, A]):
    """`ask` answers many questions in one round trip, in their order. A single one is sent at once."""

    def __init__(self, ask: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._ask = ask
        self._waiting: list[Question[Q, A]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking = 0  # not the number of tasks: one that has just found nothing left is still among them

    async def __call__(self, question: Q) -> A:
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._asking < AT_ONCE:
            self._asking += 1
            task = asyncio.create_task(self._go_on())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _go_on(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                try:
                    await self._answer(asked)
                finally:
                    for _, future in asked:
                        future.cancel()  # where there is no answer yet, this task is being ended
        finally:
            self._asking -= 1

    async def _answer(self, asked: Sequence[Question[Q, A]]) -> None:
        try:
            answers = await self._ask([question for question, _ in asked])
        except Exception as error:
            if len(asked) > 1:  # only one of them may be at fault
                for one in asked:
                    await self._answer([one])
            elif not asked[0][1].done():
                asked[0][1].set_exception(error)
            return
        for (_, future), answer in zip(asked, answers, strict=True):
            if not future.done():
                future.set_result(answer)
