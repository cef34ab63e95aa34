"""Somebody else's server, which webhooks are sent to: `python -m proof.receiver PORT DIRECTORY SEED NAME=SECRET…`.

It verifies what comes to /NAME, writes a line for each event into the file of that name, and says that it has it. Now
and then it fails: before that, or after.
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from proof.feed import fed

FAILING = 0.01  # of the messages, before and after


class Receiver:
    def __init__(self, directory: Path, seed: str, secrets: dict[str, str]) -> None:
        self._chance = random.Random(f"{seed} {os.getpid()}")
        self._verifying = {name: Webhook(secret) for name, secret in secrets.items()}
        self._files = {
            name: os.open(directory / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) for name in secrets
        }

    async def receive(self, request: web.Request) -> web.Response:
        name, body = request.match_info["name"], await request.read()
        if self._fails():
            return web.Response(status=500)
        lines = self._lines(name, body, dict(request.headers))
        os.write(self._files[name], "".join(f"{line}\n" for line in lines).encode())
        return web.Response(status=500 if self._fails() else 204)

    def _lines(self, name: str, body: bytes, headers: dict[str, str]) -> list[str]:
        try:
            message = self._verifying[name].verify(body, headers)
        except WebhookVerificationError:
            return ["0 unverified"]
        events = message if isinstance(message, list) else [message]
        if not headers["webhook-id"].endswith(f"-{events[-1]['id']}"):
            return ["0 with another id"]
        return [fed(event) for event in events if not event["type"].startswith("webhook-")]  # as in SENT

    def _fails(self) -> bool:
        return self._chance.random() < FAILING


async def serve(port: int, receiver: Receiver) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    app = web.Application()
    app.router.add_post("/{name}", receiver.receive)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    _, port, directory, seed, *secrets = sys.argv
    named = dict(secret.split("=", 1) for secret in secrets)
    asyncio.run(serve(int(port), Receiver(Path(directory), seed, named)))
