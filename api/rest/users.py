"""WordPress users: what WordPress tells of them, and which customer is whose."""

from typing import Annotated

from litestar.params import FromPath
from msgspec import Struct

from api.handling.serving import AnyRequest, customer_in_path, found, id_in_path, serving
from api.handling.writes import Outcome, about, carry_out, just
from api.http.answer import Answer, answer
from api.http.request import read, read_nothing
from api.openapi.operation import delete, get, post, put
from api.presentation.users import ShownUser, user
from api.presentation.values import Done
from domain.refusals import ClaimTaken, CustomerNotFound, UnknownUser, UserAlreadyAttached, UserNotFound
from domain.user import UserProfile
from eventstore.postgres.connection import Session
from projections.queries.lookups import every_user, find_user
from service import users
from service.fields.customer import Profile
from service.fields.input import Input, Nothing
from service.fields.kinds import Id

GROUP = "Users"
TAKEN = ClaimTaken("user-login", "jane"), ClaimTaken("user-email", "jane@example.com")
LINKED = ClaimTaken("user-link", "1")


class UsersListed(Struct):
    users: list[ShownUser]


class UserSaved(Struct):
    message: str
    data: ShownUser


class Attached(Struct):
    message: str


class UserToAttach(Input):
    user_id: Annotated[int, Id(example=1)]


@get("/users", "List users", GROUP, "users/view", answers=UsersListed)
async def list_users(request: AnyRequest) -> Answer:
    """All users of the store that this service knows, as WordPress has them."""
    rows = await every_user(serving(request).store.pool)
    return answer(UsersListed(list(map(user, rows))))


@put(
    "/users/{user_id:str}", "Register a user, or bring it up to date", GROUP, "users/manage", takes=Profile,
    answers=UserSaved, refuses=(*TAKEN, UserNotFound),
)  # fmt: skip
async def put_user(request: AnyRequest, user_id: FromPath[str]) -> Answer:
    """WordPress sends all of a user, by the id that it gives: what it does not send is empty."""
    id_, profile = id_in_path(user_id), (await read(request, Profile)).fill(UserProfile)
    if not id_:
        raise UserNotFound

    async def show(session: Session, _result: None) -> Outcome:
        row = found(await find_user(session, id_), UserNotFound)
        return Outcome(UserSaved("User saved successfully!", user(row)), user_id=id_)

    return await carry_out(request, lambda unit: users.register(unit, id_, profile), show)


@delete(
    "/users/{user_id:str}", "Delete a user", GROUP, "users/manage", takes=Nothing, answers=Done, refuses=UserNotFound
)
async def delete_user(request: AnyRequest, user_id: FromPath[str]) -> Answer:
    """A customer that the user is linked to stays, and has no user any more."""
    id_ = id_in_path(user_id)
    await read(request, Nothing)
    done = just(Done("User deleted successfully!"))
    return await carry_out(request, lambda unit: users.delete(unit, id_), done)


@post(
    "/customers/{customer_id:str}/attachable-user", "Attach a user to a customer", GROUP, "customers/manage",
    takes=UserToAttach, answers=Attached, versioned=True,
    refuses=(LINKED, UnknownUser(1), UserAlreadyAttached, CustomerNotFound),
)  # fmt: skip
async def attach_user(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """The user must be there and linked to nobody else, and the customer to no user."""
    id_, wanted = customer_in_path(customer_id), await read(request, UserToAttach)
    done = about(id_, Attached("User attached successfully"))
    return await carry_out(request, lambda unit: users.attach(unit, id_, wanted.user_id), done, customer_id=id_)


@post(
    "/customers/{customer_id:str}/detach-user", "Detach a customer's user", GROUP, "customers/manage", answers=Attached,
    refuses=CustomerNotFound, versioned=True,
)  # fmt: skip
async def detach_user(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """The customer stays as it is. Where no user is attached, nothing happens, and that is no error."""
    id_ = customer_in_path(customer_id)
    await read_nothing(request)
    done = about(id_, Attached("User detached successfully"))
    return await carry_out(request, lambda unit: users.detach(unit, id_), done, customer_id=id_)


HANDLERS = [list_users, put_user, delete_user, attach_user, detach_user]
