"""What a client sent, as one mapping: JSON or form body over query string, with PHP's brackets read as PHP does."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from litestar import Request
from litestar.exceptions import InternalServerException
from multipart import (  # type: ignore[import-untyped]  # Litestar's own parser; it has no types
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from api.http.headers import header
from api.http.reasons import Reason
from api.http.refusals import Invalid, InvalidJson, Rule, TooLarge
from service.fields.convert import INT64_DIGITS, Repeated, in_short
from service.fields.input import Input
from service.fields.reader import Fields

T = TypeVar("T", bound=Input)

# For `Litestar(request_max_body_size=…)`, which counts while it reads.
MAX_BODY_BYTES = 1 << 20
MAX_FIELDS = 1000
MAX_DEPTH = 32

_BRACKETS = re.compile(r"\[([^\]]*)\]")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_LARGEST_WHOLE = 10**19
# What is not UTF-8 becomes lone surrogates, which the field that reads them refuses by name.
_CHARACTERS = {"encoding": "utf-8", "errors": "surrogateescape"}


async def read_input(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Body and query string merged; where both have a key, the body's counts.

    Raises InvalidJson, Invalid for a key sent twice in JSON, TooLarge, or Rule for a broken multipart body.
    """
    query = request.scope["query_string"]
    body = await read_body(request)
    sent = parse_body(body, header(request.scope, b"content-type") or "") if body else {}
    return parse_form(query) | sent if query else sent


async def read(request: Request[Any, Any, Any], type_: type[T], name_mode: str = "") -> T:
    """The request as an input of this type. Raises as `read_input`, and UnfitFields."""
    return type_.checked(Fields(await read_input(request)), name_mode)


async def read_nothing(request: Request[Any, Any, Any]) -> None:
    """Reads a request that needs no input. What it has must be readable all the same; raises as `read_input`."""
    await read_input(request)


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """Raises Rule when the connection ends within it."""
    if not _announces_body(request):
        return b""
    try:
        return await request.body()
    except InternalServerException as error:  # so Litestar calls a client that is gone, or can't count
        raise Rule(Reason.INCOMPLETE_BODY, "The request ended before its body did.") from error


def _announces_body(request: Request[Any, Any, Any]) -> bool:
    """Whether there may be a body. Most reads have none, which only HTTP/1 shows."""
    if not request.scope["http_version"].startswith("1"):
        return True
    return any(header(request.scope, name) is not None for name in (b"content-length", b"transfer-encoding"))


def parse_body(body: bytes, content_type: str) -> dict[str, Any]:
    """What looks like JSON is JSON, whatever the content type says."""
    content = body.strip()
    if not content:
        return {}
    media_type, options = parse_options_header(content_type)
    if media_type == "multipart/form-data":
        return _nested(_multipart_fields(body, options.get("boundary", "")))
    if media_type.endswith(("/json", "+json")) or content.startswith((b"{", b"[")):
        return parse_json(content)
    return parse_form(content)


def parse_json(body: bytes) -> dict[str, Any]:
    """Numbers beyond 64 bits come as floats, as in JavaScript. Raises Invalid for a key that an object has twice."""
    try:
        document = _JSON.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidJson("The body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise InvalidJson("The body is not a JSON object.")
    if _is_deeper(document, MAX_DEPTH):
        raise InvalidJson(f"The body is nested more than {MAX_DEPTH} levels deep.")
    return document


def parse_form(encoded: bytes) -> dict[str, Any]:
    """A query string or urlencoded body. Of a key that is there twice, the last counts; see Repeated."""
    if encoded.count(b"&") >= MAX_FIELDS:
        raise TooLarge(f"A request may not have more than {MAX_FIELDS} fields.")
    pairs = (pair.partition(b"=") for pair in encoded.split(b"&"))
    return _nested((_unquoted(key), _unquoted(value)) for key, _, value in pairs)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= INT64_DIGITS else float(digits)


def _float(digits: str) -> int | float:
    """A number; 5.0 is an integer, as in JSON Schema and JavaScript."""
    number = float(digits)
    return int(number) if number.is_integer() and abs(number) < _LARGEST_WHOLE else number


def _not_a_number(constant: str) -> None:
    raise ValueError(constant)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises Invalid for a key that is there twice: the client may mean either value."""
    seen = dict(pairs)
    if len(seen) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        name = in_short(twice)
        raise Invalid({name: {"duplicate": f"The {name} field may be there only once."}})
    return seen


# Made once: `json.loads` with hooks of one's own makes a new one each time, at several times the price of a short body.
_JSON = json.JSONDecoder(
    parse_int=_integer, parse_float=_float, parse_constant=_not_a_number, object_pairs_hook=_each_key_once
)


def _is_deeper(document: dict[str, Any], limit: int) -> bool:
    """Whether the document is nested deeper than the limit. Without recursion, which it could exhaust."""
    level: list[Any] = [document]
    for _ in range(limit):
        children = (node.values() if isinstance(node, dict) else node for node in level)
        level = [child for group in children for child in group if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _unquoted(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode(**_CHARACTERS)


def _multipart_fields(body: bytes, boundary: str) -> list[tuple[str, str]]:
    """The text fields; files are passed over."""
    fields: list[tuple[str, str]] = []
    try:
        with PushMultipartParser(boundary, max_segment_count=MAX_FIELDS) as parser:
            segment, content = None, bytearray()
            for part in parser.parse(body):
                if isinstance(part, MultipartSegment):
                    segment, content = part, bytearray()
                elif part is not None:
                    content += part
                elif segment is not None and segment.name and segment.filename is None:
                    fields.append((segment.name, content.decode(**_CHARACTERS)))
    except ParserLimitReached as error:
        raise TooLarge(f"A request may not have more than {MAX_FIELDS} fields.") from error
    except ValueError as error:  # the parser's other errors, and header bytes that are not text
        raise Rule(Reason.INVALID_MULTIPART, "The multipart body cannot be read.") from error
    return fields


class _Array(dict[str, Any]):
    """PHP's array: `[]` takes the number after the highest one used."""

    following = 0

    def key(self, bracket: str) -> str:
        key = bracket or str(self.following)
        if _INDEX.fullmatch(key):
            self.following = max(self.following, int(key) + 1)
        return key


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    root = _Array()
    for key, value in pairs:
        name, *brackets = _path(key)
        if name:
            _put(root, [name, *brackets], value)
    return {name: _plain(value) for name, value in root.items()}


def _path(key: str) -> list[str]:
    """`a[b][]` is a, b and a number to come. What follows the last bracket is ignored; unbalanced, it is one name."""
    name = key.lstrip().partition("[")[0]
    path, position = [name], key.find("[")
    while position >= 0 and (bracket := _BRACKETS.match(key, position)):
        path.append(bracket[1])
        position = bracket.end()
        if len(path) > MAX_DEPTH:
            raise TooLarge(f"A field may not be nested more than {MAX_DEPTH} levels deep.")
    return path if len(path) > 1 else [key.strip()]


def _put(array: _Array, path: list[str], value: str) -> None:
    *outer, last = path
    for bracket in outer:
        key = array.key(bracket)
        if not isinstance(array.get(key), _Array):
            array[key] = _Array()
        array = array[key]
    key = array.key(last)
    former = array.get(key)
    if isinstance(former, str):
        texts = former.all if isinstance(former, Repeated) else [former]
        array[key] = Repeated([*texts, value])
    else:
        array[key] = value


def _plain(value: Any) -> Any:
    """A list where the keys are 0, 1, 2 …, else a mapping."""
    if not isinstance(value, _Array):
        return value
    plain = {key: _plain(child) for key, child in value.items()}
    return list(plain.values()) if list(plain) == [str(number) for number in range(len(plain))] else plain
