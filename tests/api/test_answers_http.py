"""Every operation answers as it did, to the byte: keys and their order, numbers, sentences, status and version."""

import json
from itertools import zip_longest

from tests.api.exchanges import RECORDED, exchanges
from tests.api.shop import Shop


async def test_every_operation_answers_as_it_did(empty_shop: Shop) -> None:
    recorded = map(json.loads, RECORDED.read_text().splitlines())
    found = [exchange async for exchange in exchanges(empty_shop)]
    for answered, known in zip_longest(found, recorded):
        assert answered == known
