"""Somebody who guesses passwords over many connections: `python -m tests.cli.guesser GUESSES CONNECTIONS PORT…`.

Says how many guesses were answered how. A process of its own, so that the one who measures is not kept busy by it.
"""

import asyncio
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice

LOGIN = "admin"


async def guess(port: int, guesses: Iterator[int], answers: Counter[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in guesses:
        login = b64encode(f"{LOGIN}:wrong {number}".encode()).decode()
        head = f"GET /wp-json/fluent-cart/v2/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n\r\n"
        writer.write(head.encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(answer.partition("content-length: ")[2].split("\r\n")[0]))
        answers[int(answer.split()[1])] += 1
    writer.close()


async def main(number: int, connections: int, ports: list[int]) -> None:
    guesses, answers = islice(count(), number), Counter[int]()
    await asyncio.gather(*(guess(ports[each % len(ports)], guesses, answers) for each in range(connections)))
    print(dict(answers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), [int(port) for port in sys.argv[3:]]))
