"""HEAD: what GET answers, without the body."""

from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send


def answering_head(app: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        ended = False

        async def send_head(message: Message) -> None:
            nonlocal ended
            if message["type"] != "http.response.body":
                await send(message)
            elif not ended:  # nobody waits for what a stream still sends
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        if scope["type"] == ScopeType.HTTP and scope["method"] == HttpMethod.HEAD:
            scope["method"] = HttpMethod.GET
            try:
                await app(scope, receive, send_head)
            finally:
                scope["method"] = HttpMethod.HEAD
        else:
            await app(scope, receive, send)

    return answer
