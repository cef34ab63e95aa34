"""The webhooks of the service that is proved: one in each order."""

import asyncio
from contextlib import suppress
from typing import Any

import httpx

from proof.journal import Journal, Line

REST = 2.0  # seconds until it tries again
ORDERS = ("store", "customer")


class Endpoints:
    def __init__(self, http: httpx.AsyncClient, journal: Journal) -> None:
        self.ids: dict[str, int] = {}
        self._http = http
        self._journal = journal

    async def create(self, receiver: str) -> dict[str, str]:
        """Their secrets."""
        secrets = {}
        for order in ORDERS:
            settings = {"url": f"{receiver}/{order}", "form": "thin", "order": order}
            while (made := await self._post("/webhooks", settings)) is None:  # noqa: ASYNC110 - nobody else tells
                await asyncio.sleep(REST)
            self.ids[order] = made["id"]
            secrets[order] = made["secret"]
        return secrets

    async def lag(self, order: str) -> int | None:
        """What it has not got yet, in events; None where nobody can tell."""
        with suppress(httpx.HTTPError):
            answer = (await self._http.get(f"/webhooks/{self.ids[order]}")).raise_for_status()
            if (lag := answer.json()["webhook"]["lag"]) is not None:
                return int(lag["events"])
        return None

    async def restart(self, order: str) -> bool:
        """Paused and resumed: what waits to be sent again is sent now."""
        path = f"/webhooks/{self.ids[order]}"
        return await self._post(f"{path}/pause") is not None and await self._post(f"{path}/resume") is not None

    async def _post(self, path: str, body: dict[str, str] | None = None) -> dict[str, Any] | None:
        line = Line(self._journal.intend(path), "unknown")
        headers = {"Idempotency-Key": line.id, "X-Request-Id": line.id}
        try:
            response = await self._http.post(path, json=body or {}, headers=headers)
            if response.is_success:
                line.outcome = "acknowledged"
                data: dict[str, Any] = response.json()["data"]
                return data
            if response.status_code < 500:
                line.outcome = "refused"
        except httpx.HTTPError:
            pass
        finally:
            self._journal.tell(line)
        return None
