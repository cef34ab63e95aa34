"""A process that writes over HTTP until it is told to stop: `python -m proof.client URL JOURNAL SEED`.

What it got no answer for, or gave up waiting for, it sends again under the same Idempotency-Key. Each of its requests
leads to one event. The password is in CUSTODIARY_ADMIN_PASSWORD.
"""

import asyncio
import os
import random
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from proof.journal import Journal, Line, Outcome

AT_ONCE = 8
ATTEMPTS = 400
PAUSE = 0.05  # seconds between two of them
PATIENCE = 10.0  # seconds, with which most wait for an answer
STILL_RUNNING, TOO_MANY = 409, 429

Request: TypeAlias = tuple[str, dict[str, Any]]


class Client:
    def __init__(self, http: httpx.AsyncClient, journal: Journal, seed: str) -> None:
        self._http = http
        self._journal = journal
        self._chance = random.Random(f"{seed} {journal.number}")
        self._customers = deque([1], maxlen=12)
        self._orders = deque([1], maxlen=24)
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    async def go_on(self) -> None:
        while not self._stopped:
            path, body = self._request()
            line = Line(self._journal.intend(path), events=1)
            try:
                line.outcome = await self._send(line, path, body)
            finally:
                self._journal.tell(line)

    def _request(self) -> Request:
        chance, number = self._chance, self._chance.randrange(10**6)
        order = f"/orders/{chance.choice(self._orders)}"
        requests: list[Request] = [
            ("/customers", {"email": f"c{number % 10**4}@example.com", "first_name": "Ada"}),
            ("/orders", {"customer_id": chance.choice(self._customers), "total_amount": 1_000}),
            (f"{order}/payments", {"amount": 100, "transaction_id": f"h{number}"}),
            (f"{order}/payments", {"amount": 100, "transaction_id": f"h{number}"}),
            (f"{order}/refunds", {"amount": 150, "transaction_id": f"h{number}"}),
            ("/labels", {"value": f"label {number % 10**4}"}),
        ]
        return chance.choice(requests)

    async def _send(self, line: Line, path: str, body: dict[str, Any]) -> Outcome:
        """What became of it. A refusal says nothing of an attempt before that had no answer."""
        headers = {"Idempotency-Key": line.id, "X-Request-Id": line.id}
        refused: Outcome = "refused"
        for _ in range(ATTEMPTS):
            patience = self._chance.uniform(0, 0.05) if self._chance.random() < 0.1 else PATIENCE
            try:
                response = await self._http.post(path, json=body, headers=headers, timeout=patience)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if self._stopped:
                    return refused
                await asyncio.sleep(PAUSE)
                continue
            except httpx.HTTPError:
                refused = "unknown"
                line.again += 1
                continue
            if response.is_success:
                self._learn(path, response.json()["data"]["id"])
                return "acknowledged"
            if response.status_code >= 500:
                refused = "unknown"
                line.again += 1
            elif response.status_code not in {STILL_RUNNING, TOO_MANY}:
                return refused
            await asyncio.sleep(PAUSE)
        return "unknown"

    def _learn(self, path: str, id_: int) -> None:
        if path == "/customers":
            self._customers.append(id_)
        elif path == "/orders":
            self._orders.append(id_)


async def run(url: str, journal: Journal, seed: str) -> None:
    login = ("admin", os.environ["CUSTODIARY_ADMIN_PASSWORD"])
    async with httpx.AsyncClient(base_url=url, auth=login, trust_env=False) as http:
        client = Client(http, journal, seed)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, client.stop)
        await asyncio.gather(*(client.go_on() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Journal(Path(sys.argv[2])), sys.argv[3]))
