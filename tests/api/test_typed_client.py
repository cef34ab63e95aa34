"""A client that openapi-python-client generates from the document: whole, typed, and understood by the service."""

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from projections.database import open_store
from service.credentials import passwords as credentials
from service.redaction import Secret
from tests.api.documented import DOCUMENT, OPERATIONS
from tests.api.serving import served

PACKAGE = "typed_client_of_custodiary"
PASSWORD = "open sesame"
SECONDS = 300  # it takes some twenty; a loaded machine more


def run(*command: str, at: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=at, check=False, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(name="generated", scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The directory that the package is in, and what the generator said."""
    at = tmp_path_factory.mktemp("client")
    (at / "openapi.json").write_text(json.dumps(DOCUMENT))
    (at / "config.yaml").write_text("post_hooks: []\n")  # of style, which the code does not depend on
    options = ["--path", "openapi.json", "--config", "config.yaml", "--meta", "none", "--output-path", PACKAGE]
    return at, run("openapi_python_client", "generate", *options, at=at)


def test_nothing_of_the_document_is_left_out(generated: tuple[Path, str]) -> None:
    at, told = generated
    assert "warning" not in told.lower(), told
    modules = {path.stem for path in (at / PACKAGE / "api").glob("*/*.py")}
    assert {operation["operationId"] for operation in OPERATIONS.values()} <= modules


def test_it_passes_mypy_strict(generated: tuple[Path, str]) -> None:
    at, _ = generated
    run("mypy", "--strict", "--config-file", "", "--cache-dir", "cache", PACKAGE, at=at)


@pytest.fixture(name="address")
async def service(database: str) -> AsyncIterator[str]:
    async with open_store(database, connections=1) as store:
        await credentials.bootstrap(store.pool, Secret(PASSWORD))
    with served(database) as address:
        yield address


async def test_it_calls_a_running_service(
    generated: tuple[Path, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(generated[0])
    package, models = import_module(PACKAGE), import_module(f"{PACKAGE}.models")
    with package.AuthenticatedClient(base_url=address, token=PASSWORD) as known:

        def call(name: str, *of: int, **said: Any) -> Any:
            [path] = (generated[0] / PACKAGE / "api").glob(f"*/{name}.py")
            module = import_module(f"{PACKAGE}.api.{path.parent.name}.{name}")
            return module.sync(*of, client=known, **said)

        look_around(call, models)


def look_around(call: Callable[..., Any], models: Any) -> None:
    """Calls operations by their names, in a store that is empty at first."""
    call("create_customer", body=models.CreateCustomerBody(email="jane@example.com", first_name="Jane"))
    made = call("create_customer", body=models.CreateCustomerBody(email="joe@example.com", first_name="Jane"))
    assert (made.data.email, made.data.status) == ("joe@example.com", "active")
    changed = call("patch_customer", made.data.id, body=models.PatchCustomerBody(city="Salem"))
    assert (changed.data.city, changed.data.first_name) == ("Salem", "Jane")

    columns = [models.GetCustomersSelectType0Item.EMAIL, models.GetCustomersSelectType0Item.CITY]
    for select in (columns, "email,city"):
        [found] = call("get_customers", search="city=Salem", select=select).customers.data
        assert (found.email, found.city) == ("joe@example.com", "Salem")
        assert not found.first_name
    both = call("get_customers", search="city=Salem", include_ids=[1, 2], sort_type="asc").customers.data
    assert [row.id for row in both] == [1, 2]

    order = call("place_order", body=models.PlaceOrderBody(customer_id=made.data.id, total_amount=5000))
    [listed] = call("get_store_orders", customer_id=made.data.id).orders.data
    assert (listed.id, listed.total_amount) == (order.data.id, 5000)
    assert call("delete_customer", made.data.id, body=models.DeleteCustomerBody()).data == ""
    gone = call("get_customer", made.data.id)
    assert (type(gone).__name__, gone.reason) == ("NoSuchCustomer", "customer_not_found")
    assert re.search(r"^custodiary_log_position ", call("metrics"), re.MULTILINE)
