"""A rate is one for all workers of a server."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx

from tests.cli.process import Process
from tests.cli.test_serve import free_port


def test_two_workers_grant_one_rate_together(url: str) -> None:
    port = free_port()
    settings = {"CUSTODIARY_ADMIN_PASSWORD": "open", "CUSTODIARY_RATE_LIMIT": "30/hour"}
    process = Process("serve", "--port", port, "--workers", 2, DATABASE_URL=url, **settings)
    process.lines_until("Its documentation")
    address = f"http://127.0.0.1:{port}/wp-json/fluent-cart/v2/labels"
    with ThreadPoolExecutor(20) as pool:  # a connection each, so that both workers have some
        # Reading certificates takes most of the time, and there is no TLS here.
        ask = partial(httpx.get, address, auth=("admin", "open"), verify=False)
        answers = list(pool.map(lambda _: ask(), range(100)))
    assert Counter(answer.status_code for answer in answers) == {200: 30, 429: 70}
    assert all(int(answer.headers["retry-after"]) > 60 for answer in answers if answer.status_code == 429)
    process.process.terminate()
    assert "Traceback" not in process.end().stderr
