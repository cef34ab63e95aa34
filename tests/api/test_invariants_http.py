"""Whatever clients ask for: figures are the SQL sum, one address of a type is primary, history agrees."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.api.shop import HOME, NUMBERS, Shop, done
from tests.projections.rows import strayed

WRONG_FIGURES = """
    SELECT c.id, c.ltv, s.ltv AS sum FROM figures c CROSS JOIN LATERAL (
        SELECT count(*) AS purchase_count, min(created_at) AS first, max(created_at) AS last,
            coalesce(sum(floor(greatest(0, total_paid - total_refund) * rate + 0.5)), 0) AS ltv
        FROM orders WHERE customer_id = c.id AND payment_status IN ('paid', 'partially_paid', 'partially_refunded')
    ) AS s
    WHERE (c.ltv, c.purchase_count, c.first_purchase_date, c.last_purchase_date, c.aov)
        IS DISTINCT FROM (s.ltv, s.purchase_count, s.first, s.last,
            coalesce(round(s.ltv / nullif(s.purchase_count, 0), 2), 0))"""
WRONG_PRIMARIES = """
    SELECT customer_id, type, sum(is_primary) FROM addresses GROUP BY 1, 2 HAVING sum(is_primary) <> 1"""
SHARED = """
    SELECT email_identity FROM customers GROUP BY 1 HAVING count(*) > 1
    UNION ALL SELECT user_id::text FROM customers WHERE user_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1
    UNION ALL SELECT lower(user_login) FROM users GROUP BY 1 HAVING count(*) > 1
    UNION ALL SELECT user_id::text FROM customers c WHERE user_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM users u WHERE u.id = c.user_id)"""
CLAIMED = """
    SELECT 'customer-email', email_identity FROM customers
    UNION ALL SELECT 'user-link', user_id::text FROM customers WHERE user_id IS NOT NULL
    UNION ALL SELECT 'user-login', lower(user_login) FROM users
    UNION ALL SELECT 'user-email', user_email_identity FROM users
    UNION ALL SELECT 'label', lower(value) FROM labels
    UNION ALL SELECT 'transaction', t ->> 'vendor_charge_id' FROM orders, json_array_elements(transactions) AS t"""
CLAIMS = "SELECT kind, value FROM claims"
LEFT_BEHIND = "SELECT id FROM addresses a WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = a.customer_id)"
RATES = ("1", "0.5", "1.0855", "0.0001", "113.37")
DATES = ("2024-02-29 23:59:59", "2025-01-01", "2025-06-20 14:00:00", "2019-12-31")

Act = Callable[["Client"], Awaitable[httpx.Response]]


class Client:
    """Asks for things at random, of customers, orders and addresses that are, were, or never will be."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.dice = random.Random(seed)
        self.ids: dict[str, list[int]] = {
            "customers": [1],
            "orders": [1],
            "addresses": [1],
            "users": [1],
            "labels": [1],
        }

    def one(self, kind: str) -> int:
        return self.dice.choice(self.ids[kind])

    def amount(self) -> int:
        return self.dice.choice((0, 1, 3, 100, 999, 12_345))

    async def keep(self, kind: str, answer: httpx.Response) -> httpx.Response:
        if answer.status_code == 200:
            self.ids[kind].append(answer.json()["data"]["id"])
        return answer

    async def create(self) -> httpx.Response:
        body = {"email": f"c{self.dice.randrange(12)}@example.com", "first_name": "J"}
        body |= {"wp_user": "yes"} if self.dice.random() < 0.3 else {}
        return await self.keep("customers", await self.shop.post("/customers", body))

    async def update(self) -> httpx.Response:
        body = {"email": f"C{self.dice.randrange(12)}@example.com", "first_name": self.dice.choice("JKL")}
        return await self.shop.put(f"/customers/{self.one('customers')}", body)

    async def place(self) -> httpx.Response:
        body: dict[str, Any] = {"customer_id": self.one("customers"), "total_amount": self.amount()}
        body |= {"rate": self.dice.choice(RATES), "created_at": self.dice.choice(DATES)}
        body |= {"currency": self.dice.choice(("USD", "EUR"))}
        if self.dice.random() < 0.5:
            body |= {"total_paid": self.amount(), "total_refund": self.dice.choice((0, 0, 1, 100))}
        return await self.keep("orders", await self.shop.post("/orders", body))

    async def pay(self) -> httpx.Response:
        body = {"amount": self.amount(), "transaction_id": f"t{self.dice.randrange(50)}"}
        return await self.shop.post(f"/orders/{self.one('orders')}/payments", body)

    async def refund(self) -> httpx.Response:
        body = {"amount": self.amount(), "transaction_id": f"t{self.dice.randrange(50)}"}
        return await self.shop.post(f"/orders/{self.one('orders')}/refunds", body)

    async def change_order(self) -> httpx.Response:
        body = {"status": self.dice.choice(("completed", "failed")), "payment_status": self.dice.choice(("", "failed"))}
        return await self.shop.put(f"/orders/{self.one('orders')}", body)

    async def transfer(self) -> httpx.Response:
        body = {"customer_id": self.one("customers")}
        return await self.shop.post(f"/orders/{self.one('orders')}/transfer", body)

    async def delete_order(self) -> httpx.Response:
        return await self.shop.delete(f"/orders/{self.one('orders')}")

    async def add_address(self) -> httpx.Response:
        body = HOME | {"type": self.dice.choice(("billing", "shipping")), "is_primary": self.dice.randrange(2)}
        body |= {"order_id": self.one("orders")} if self.dice.random() < 0.2 else {}
        path = f"/customers/{self.one('customers')}/address"
        return await self.keep("addresses", await self.shop.post(path, body))

    async def change_address(self) -> httpx.Response:
        body = HOME | {"type": self.dice.choice(("billing", "shipping")), "is_primary": self.dice.randrange(2)}
        body |= {"id": self.one("addresses"), "name": self.dice.choice("AB")}
        return await self.shop.put(f"/customers/{self.one('customers')}/address", body)

    async def make_primary(self) -> httpx.Response:
        body = {"addressId": self.one("addresses"), "type": self.dice.choice(("billing", "shipping"))}
        return await self.shop.post(f"/customers/{self.one('customers')}/address/make-primary", body)

    async def delete_address(self) -> httpx.Response:
        body = {"address": {"id": self.one("addresses")}}
        return await self.shop.delete(f"/customers/{self.one('customers')}/address", body)

    async def put_user(self) -> httpx.Response:
        id_ = self.dice.randrange(1, 9)
        self.ids["users"].append(id_)
        name = self.dice.randrange(12)
        return await self.shop.put(f"/users/{id_}", {"user_login": f"c{name}", "user_email": f"c{name}@example.com"})

    async def attach(self) -> httpx.Response:
        body = {"user_id": self.one("users")}
        return await self.shop.post(f"/customers/{self.one('customers')}/attachable-user", body)

    async def detach(self) -> httpx.Response:
        return await self.shop.post(f"/customers/{self.one('customers')}/detach-user")

    async def delete_user(self) -> httpx.Response:
        return await self.shop.delete(f"/users/{self.one('users')}")

    async def create_label(self) -> httpx.Response:
        return await self.keep("labels", await self.shop.post("/labels", {"value": f"l{self.dice.randrange(5)}"}))

    async def set_labels(self) -> httpx.Response:
        body = {"labels": [self.one("labels"), self.one("labels")]}
        return await self.shop.put(f"/customers/{self.one('customers')}/additional-info", body)

    async def delete_label(self) -> httpx.Response:
        return await self.shop.delete(f"/labels/{self.one('labels')}")

    async def bulk(self) -> httpx.Response:
        ids = [self.one("customers") for _ in range(2)]
        body = {"action": self.dice.choice(("delete_customers", *["change_customer_status"] * 3)), "customer_ids": ids}
        return await self.shop.post("/customers/do-bulk-action", body | {"new_status": "archived"})


OFTEN: list[Act] = [Client.place, Client.pay, Client.refund, Client.transfer, Client.add_address, Client.change_address]
ONCE_IN_A_WHILE: list[Act] = [
    Client.create, Client.update, Client.change_order, Client.delete_order, Client.make_primary, Client.delete_address,
    Client.put_user, Client.attach, Client.detach, Client.delete_user, Client.create_label, Client.set_labels,
    Client.delete_label, Client.bulk,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_requests_the_invariants_hold(empty_shop: Shop, seed: int) -> None:
    shop, client, done_or_refused = empty_shop, Client(empty_shop, seed), set[int]()
    acts = [Client.create] * 4 + client.dice.choices(OFTEN * 2 + ONCE_IN_A_WHILE, k=200)
    for act in acts:
        before = await shop.position()
        answer = await act(client)
        assert answer.status_code in {200, 400, 403, 404, 409, 422}, answer.text
        assert answer.status_code == 200 or await shop.position() == before
        done_or_refused.add(answer.status_code)
    assert {200, 404, 422} <= done_or_refused
    await hold(shop)


async def hold(shop: Shop) -> None:
    for query in (WRONG_FIGURES, WRONG_PRIMARIES, SHARED, LEFT_BEHIND):
        assert await shop.pool.fetch(query) == []
    assert await strayed(shop.store) == []
    claimed = [tuple(row) for row in await shop.pool.fetch(CLAIMED)]
    assert sorted(claimed) == sorted(tuple(row) for row in await shop.pool.fetch(CLAIMS))
    for row in await shop.pool.fetch("SELECT id FROM customers"):
        body = done(await shop.post(f"/customers/{row['id']}/recalculate-ltv"))
        assert body["drift"] is None
        entries = done(await shop.get(f"/customers/{row['id']}/history?per_page=199"))["history"]["data"]
        assert entries[-1]["type"] in {"customer-registered", "order-placed"}


async def test_what_is_invariant_is_noticed_when_it_is_not(empty_shop: Shop) -> None:
    shop = empty_shop
    id_ = await shop.customer(email=f"n{next(NUMBERS)}@example.com")
    await shop.order(id_, total_paid=1_000)
    await shop.address(id_)
    await hold(shop)
    await shop.pool.execute("UPDATE customers SET first_name = 'Eve'")
    assert await strayed(shop.store) == [("customers", id_, "first_name_folded")]
    await shop.pool.execute("UPDATE figures SET aov = 1")
    assert await shop.pool.fetch(WRONG_FIGURES)
    await shop.pool.execute("UPDATE addresses SET is_primary = 0")
    assert await shop.pool.fetch(WRONG_PRIMARIES)
