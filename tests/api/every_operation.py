"""Requests that carry out every operation, each as it should be called, in a store that is empty at first."""

from collections.abc import AsyncIterator

import httpx

from api.http.paths import BASE
from tests.api.documented import DOCUMENT, OPERATIONS
from tests.api.shop import HOME, Shop, done

ATTEMPT = """
    INSERT INTO webhook_attempts (webhook_id, position, until, events, digest, type, customer_id, kind, attempt, at,
        milliseconds, status, error, answer)
    VALUES (1, 1, 1, 1, '', 'customer-registered', 1, 'new', 1, now(), 31, NULL, 'no answer', '') RETURNING id"""


async def every_operation(shop: Shop) -> AsyncIterator[httpx.Response]:
    health = httpx.AsyncClient(transport=shop.http._transport, base_url="http://store.example")
    yield await health.get("/health/live")
    yield await health.get("/health/ready")
    yield await shop.get("http://store.example/metrics")
    for name in ("jane", "joe"):
        user = {"user_login": name, "user_email": f"{name}@example.com"}
        yield await shop.put(f"/users/{1 if name == 'jane' else 2}", user)
    yield await shop.get("/users")
    yield await shop.get("/customers/attachable-user", params={"search": "j", "per_page": 1})
    for value in ("VIP", "New"):
        yield await shop.post("/labels", {"value": value})
    yield await shop.put("/labels/2", {"value": "Newer"})
    yield await shop.get("/labels")
    yield await shop.get("/labels/2")
    example = DOCUMENT["paths"][f"{BASE}/customers"]["post"]["requestBody"]["content"]["application/json"]["example"]
    yield await shop.post("/customers", example)
    yield await shop.post("/customers", {"email": "other@example.com", "first_name": "Other"})
    yield await shop.put("/customers/1", example | {"city": "Cambridge", "notes": "One\nTwo"})
    yield await shop.ask("PATCH", "/customers/1", {"city": "Boston"})
    yield await shop.put("/customers/1/additional-info", {"labels": [1, 2]})
    yield await shop.post("/customers/1/attachable-user", {"user_id": "1"})
    for step in (
        _addresses(shop),
        _orders(shop),
        _looks(shop),
        _replays(shop),
        _credentials(shop),
        _webhooks(shop),
        _ends(shop),
    ):
        async for answer in step:
            yield answer


async def _addresses(shop: Shop) -> AsyncIterator[httpx.Response]:
    yield await shop.post("/customers/1/address", HOME)
    yield await shop.post("/customers/1/address", HOME | {"company_name": "Acme", "label": "Office"})
    yield await shop.put("/customers/1/address", HOME | {"id": 2, "phone": "1"})
    yield await shop.get("/customers/1/address")
    yield await shop.post("/customers/1/address/make-primary", {"addressId": 2, "type": "billing"})
    yield await shop.delete("/customers/1/address", {"address": {"id": 1}})


async def _orders(shop: Shop) -> AsyncIterator[httpx.Response]:
    item = {"title": "Monthly", "quantity": 2, "unit_price": 2500, "object_id": 7}
    yield await shop.post("/orders", {"customer_id": 1, "total_amount": 5000, "items": [item], "rate": "1.25"})
    yield await shop.post("/orders", {"customer_id": 2, "total_amount": 700, "total_paid": 700, "note": "One\nTwo"})
    yield await shop.put("/orders/1", {"status": "completed"})
    yield await shop.post("/orders/1/payments", {"amount": 5000, "transaction_id": "ch_1"})
    yield await shop.post("/orders/1/refunds", {"amount": 1000, "transaction_id": "re_1", "reason": "Damaged"})
    yield await shop.post("/customers/1/address", HOME | {"order_id": 1, "is_primary": 1, "type": "shipping"})
    yield await shop.get("/orders/1")
    yield await shop.post("/orders/2/transfer", {"customer_id": 1})


async def _looks(shop: Shop) -> AsyncIterator[httpx.Response]:
    def names(path: str, parameter: str) -> str:
        parameters = OPERATIONS["GET", BASE + path]["parameters"]
        [known] = [it["schema"]["anyOf"][0]["items"]["enum"] for it in parameters if it["name"] == parameter]
        return ",".join(known)

    yield await shop.get("/customers", params={"with": names("/customers", "with"), "sort_type": "asc"})
    yield await shop.get("/customers", params={"select": "email,aov", "per_page": 1, "include_ids[]": 1})
    yield await shop.get("/customers/1", params={"with": names("/customers", "with")})
    yield await shop.get("/customers/1", params={"params[customer_only]": "yes"})
    yield await shop.get("/customers/1/orders", params={"with": names("/customers/{customer_id}/orders", "with")})
    yield await shop.get("/customers/1/orders", params={"select": "status"})
    yield await shop.get("/customers/1/order")
    yield await shop.get("/orders", params={"with": names("/orders", "with"), "customer_id": 1})
    yield await shop.get("/customers/get-stats/1")
    yield await shop.get("/customers/get-stats/2")
    yield await shop.get("/customers/1/history", params={"per_page": 5})
    yield await shop.get("/history", params={"per_page": 199})
    yield await shop.get("/events", params={"form": "full", "limit": 1000})
    yield await shop.get("/events", params={"types": "label-created,customer-renamed", "after": 3, "limit": 2})
    yield await shop.get("/events/types")
    yield await shop.get("/events/stream", params={"customer_id": 1})
    yield await shop.get("/customers/1/ltv/explain")
    await shop.pool.execute("UPDATE figures SET ltv = 1, aov = 1.5, last_purchase_date = NULL WHERE id = 1")
    yield await shop.post("/customers/1/recalculate-ltv")


async def _replays(shop: Shop) -> AsyncIterator[httpx.Response]:
    await shop.pool.execute("UPDATE figures SET ltv = 1 WHERE id = 1")
    yield await shop.post("/replays")
    yield await shop.get("/replays/1/progress")
    yield await shop.get("/replays/1")
    yield await shop.post("/replays/1/swap")
    yield await shop.post("/replays/1/rollback")
    yield await shop.post("/replays", {"customer_id": 1, "last_customer_id": 2, "from": 1})
    yield await shop.get("/replays/2/progress")
    yield await shop.post("/replays/2/cancel")
    yield await shop.get("/replays")


async def _credentials(shop: Shop) -> AsyncIterator[httpx.Response]:
    made = await shop.post("/credentials", {"login": "ann", "name": "phone", "role": "worker"})
    yield made
    yield await shop.get("/credentials")
    yield await shop.delete(f"/credentials/{done(made)['data']['uuid']}")


async def _webhooks(shop: Shop) -> AsyncIterator[httpx.Response]:
    wanted = {"types": ["customer-renamed"], "customers": {"labels": [1]}, "headers": {"x-shop": "1"}}
    yield await shop.post("/webhooks", {"url": "https://crm.example.com/hooks"} | wanted)
    yield await shop.put("/webhooks/1", {"url": "https://crm.example.com/hooks", "form": "full"})
    yield await shop.get("/webhooks/1")
    yield await shop.post("/webhooks/1/test")
    yield await shop.post("/webhooks/1/pause")
    yield await shop.get("/webhooks")
    yield await shop.post("/webhooks/1/resume")
    yield await shop.post("/webhooks/1/rotate-secret")
    yield await shop.post("/webhooks/1/replay", {"after": 0, "dry_run": 1})
    attempt = await shop.pool.fetchval(ATTEMPT)
    yield await shop.get("/webhooks/1/deliveries", params={"per_page": 1})
    yield await shop.post(f"/webhooks/1/deliveries/{attempt}/resend")
    yield await shop.delete("/webhooks/1")


async def _ends(shop: Shop) -> AsyncIterator[httpx.Response]:
    yield await shop.put(
        "/customers/1", {"email": "x@example.com", "first_name": "X"}, headers={"Idempotency-Key": "x"}
    )
    yield await shop.get("/customers/1/export")
    yield await shop.post("/customers/1/detach-user")
    yield await shop.delete("/users/1")
    yield await shop.delete("/labels/1")
    yield await shop.delete("/orders/1")
    status = {"action": "change_customer_status", "customer_ids": [1], "new_status": "archived"}
    yield await shop.post("/customers/do-bulk-action", status)
    yield await shop.post("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [1]})
    yield await shop.delete("/customers/2", {"reason": "asked by the customer"})
    yield await shop.get("/customers/1/history")
    yield await shop.get("/customers/1/erasure")
