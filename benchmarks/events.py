"""A log of many events, made up and loaded by COPY: customers with addresses, orders, payments, refunds; eight each."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.people import FIRST, LAST, PLACES
from domain.address import AddressAdded, AddressDetails, PrimaryAddressSet
from domain.customer import CustomerMoved, CustomerProfile, CustomerRegistered, CustomerRenamed
from domain.event import Event, Stream
from domain.events import EVENTS
from domain.order import (
    OrderPlaced,
    OrderStatusChanged,
    PaymentRecorded,
    RefundRecorded,
)
from domain.terms import Item, ItemWords, OrderWords, Terms
from eventstore.log.codec import Codec
from eventstore.postgres.connection import Connection
from eventstore.postgres.stream_ids import to_uuid
from eventstore.sealing.master_keys import MasterKeys
from eventstore.sealing.payloads import Sealing, bound, seal, seal_words
from eventstore.sealing.stream_keys import settle

COLUMNS = ("originator_id", "originator_version", "topic", "state", "occurred_at", "actor", "request_id", "customer_id")
KEYS = ("originator_id", "since", "master_id", "wrapped")
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
AT_ONCE = 5_000  # customers whose events come mixed
PER_CUSTOMER = 8

# Stream, version, event, customer.
Happening = tuple[Stream, int, Event, int]


def story(customer_id: int, chance: random.Random) -> list[Happening]:
    """Registered, moved or renamed, an address, and an order that is paid, completed, and refunded in part."""
    first, last = chance.choice(FIRST), chance.choice(LAST)
    country, state, city = chance.choice(PLACES)
    profile = CustomerProfile(email=f"{first}.{last}{customer_id}@example.com", first_name=first, last_name=last)
    details = AddressDetails(
        name=f"{first} {last}", address_1="1 Main Street", city=city, country=country, postcode="10001"
    )
    own: list[Event] = [
        CustomerRegistered(profile=profile, uuid=f"{chance.getrandbits(128):032x}"),
        CustomerMoved(country=country, state=state, city=city, postcode="10001")
        if chance.random() < 0.5
        else CustomerRenamed(first_name=last, last_name=first),
        AddressAdded(address_id=customer_id, type="billing", details=details),
        PrimaryAddressSet(address_id=customer_id),
    ]
    happened: list[Happening] = [
        (Stream("customer", customer_id), version, event, customer_id) for version, event in enumerate(own, 1)
    ]
    order = Stream("order", customer_id)
    amount = chance.randrange(500, 20_000)
    happened += [
        (order, version, event, customer_id) for version, event in enumerate(_order(customer_id, amount, chance), 1)
    ]
    return happened


def _order(customer_id: int, amount: int, chance: random.Random) -> list[Event]:
    placed = BEGAN + timedelta(seconds=chance.randrange(2 * 365 * 86_400))
    items = (
        Item(id=customer_id, object_id=chance.randrange(1, 500), quantity=1, unit_price=amount,
             subtotal=amount, line_total=amount),
    )  # fmt: skip
    terms = Terms(customer_id=customer_id, uuid=f"{chance.getrandbits(128):032x}", currency="USD", total_amount=amount,
                  created_at=placed, items=items, invoice_no=f"INV-{customer_id}", subtotal=amount)  # fmt: skip
    return [
        OrderPlaced(terms=terms, words=OrderWords(items=(ItemWords(title="Monthly"),))),
        PaymentRecorded(amount=amount, transaction_id=f"ch_{customer_id}"),
        OrderStatusChanged(status="completed"),
        RefundRecorded(amount=amount // 3, transaction_id=f"re_{customer_id}"),
    ]


class Block(NamedTuple):
    """Rows for COLUMNS, in the order of the log, and for KEYS."""

    rows: list[tuple[Any, ...]]
    keys: list[tuple[Any, ...]]


def blocks(count: int, sealing: Sealing, seed: int = 1) -> Iterator[Block]:
    """Blocks of events, one after the other: a benchmark of a replay's memory must not hold them all itself."""
    chance, codec, at = random.Random(seed), Codec(EVENTS), BEGAN
    ids = iter(range(1, count // PER_CUSTOMER + 1))
    while some := list(islice(ids, AT_ONCE)):
        block, ciphers = Block([], []), dict[Stream, AESGCM]()
        waiting = [story(id_, chance)[::-1] for id_ in some]
        turns = [story_ for story_ in waiting for _ in range(PER_CUSTOMER)]
        chance.shuffle(turns)
        for turn in turns:
            stream, version, event, customer_id = turn.pop()
            at += timedelta(milliseconds=500)
            id_, (topic, state) = to_uuid(stream), codec.encode(event)
            if event.personal:
                if stream not in ciphers:
                    key = sealing.new_key(id_.bytes, 1)
                    ciphers[stream] = key.cipher
                    block.keys.append((id_, 1, key.master_id, key.wrapped))
                state = seal(ciphers[stream], bound(id_.bytes, version, topic), state)
            elif isinstance(event, OrderPlaced):  # of a customer who was registered before
                cipher, words = ciphers[Stream("customer", customer_id)], codec.encode_words(event)
                state = seal_words(cipher, bound(id_.bytes, version, topic), state, words)
            request_id = f"{chance.getrandbits(128):032x}"
            block.rows.append((id_, version, topic, state, at, "shop", request_id, customer_id))
        yield block


async def load(connection: Connection, count: int) -> None:
    """Into an empty, migrated store, whose read models stay empty."""
    sealing = Sealing(MasterKeys.from_environment())
    await settle(connection, sealing)
    for block in blocks(count, sealing):
        await connection.copy_records_to_table("stored_events", records=block.rows, columns=COLUMNS)
        await connection.copy_records_to_table("stream_keys", records=block.keys, columns=KEYS)
    await connection.execute("VACUUM (ANALYZE) stored_events, stream_keys")
