"""Commands from JSON: a body becomes a command, or the one refusal that says what is wrong with it.

Decides how a shape problem is told: a stable code, the path of the field (``order.legs[0].price``),
the rule and the nearest known word. Invariant: nothing raises for what a client sent, and what
decodes holds no number that a journal could not hold.
"""

import difflib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from interlock.orders.commands import Command
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.tree import DEPTH_MAX

INTEGER_MAX = 1 << 62
"""Whole numbers beyond this fit no journal; as nanoseconds they are the year 2116."""

Step = str | int
Path = tuple[Step, ...]
Decoded = TypeVar("Decoded")

_DIGITS = bytes(48 if chr(byte).isdigit() and byte < 128 else 32 for byte in range(256))
_LONG_NUMBER = b"0" * 19
"""As it looks through ``_DIGITS``: two looks at the bytes cost less than a pattern's walk."""
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(\.\.\.)\]")
_SOME_KEY = "..."
_COMMAND = msgspec.json.Decoder(Command)


def decode_command(data: bytes) -> Command | Reject:
    """One command with its ``type``, or why it is none."""
    return _decoded(data, _COMMAND.decode, Command)


def decode_body(data: bytes, kind: type[Decoded]) -> Decoded | Reject:
    """The body of something whose kind is known from elsewhere, or why it is not one."""
    known: Any = kind
    return _decoded(data, _decoder(known).decode, kind)


def decode_many(data: bytes, kind: type[Decoded]) -> list[Decoded] | None:
    """A list of bodies that are all of a kind, read in one go; nothing if anything is wrong with
    any of them, to be told one by one.
    """
    known: Any = list[kind]  # type: ignore[valid-type]
    try:
        found: list[Decoded] = _decoder(known).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if _LONG_NUMBER in data.translate(_DIGITS) else found


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _decoded(data: bytes, decode: Callable[[bytes], Decoded], kind: Any) -> Decoded | Reject:
    try:
        found = decode(data)
    except RecursionError:
        return _too_deep()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return _refusal(data, kind, error)
    if _LONG_NUMBER in data.translate(_DIGITS):
        path = _overlong(msgspec.json.decode(data), ())
        if path is not None:
            return Reject(
                RejectCode.BAD_NUMBER,
                path_text(path),
                f"A whole number is at most {INTEGER_MAX}.",
                "Times are nanoseconds since 1970 UTC.",
            )
    return found


def path_text(path: Path) -> str:
    """``order.legs[0].price``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _too_deep() -> Reject:
    rule = f"An order nests at most {DEPTH_MAX} relations."
    return Reject(RejectCode.TREE_TOO_DEEP, "", rule, "Flatten it.")


def _refusal(data: bytes, kind: Any, error: Exception) -> Reject:
    """What a decoder's complaint means. A body that is no JSON at all is told first."""
    try:
        document = msgspec.json.decode(data)
    except RecursionError:
        return _too_deep()
    except UnicodeDecodeError as not_text:
        return Reject(
            RejectCode.MALFORMED,
            "",
            f"The body must be UTF-8 text; byte {not_text.start} of a text in it is not.",
        )
    except msgspec.DecodeError as malformed:
        what = str(malformed).removeprefix("JSON is malformed: ")
        return Reject(RejectCode.MALFORMED, "", f"The body must be JSON: {what}.")
    found = _AT.match(str(error))
    assert found is not None, error
    what, text = found["what"], found["path"] or "$"
    path = _real_path(document, text, str(error), kind)
    return _told(what, path, document, kind)


def _told(what: str, path: Path, document: object, kind: Any) -> Reject:
    quoted = re.search(r"[`'](.*)[`']", what, re.DOTALL)
    name = quoted[1] if quoted else ""
    where = _types_at(document, path, kind)
    if what.startswith("Object contains unknown field"):
        known = _field_names(where, _value_at(document, path))
        return Reject(
            RejectCode.UNKNOWN_FIELD,
            path_text((*path, name)),
            f"{_thing(document, path)} has no field {name!r}.",
            _nearest(name, known),
        )
    if what.startswith("Object missing required field"):
        return Reject(
            RejectCode.MISSING_FIELD,
            path_text((*path, name)),
            f"{_thing(document, path)} needs {name!r}.",
            _wanted(name, path, where),
        )
    if what.startswith("Invalid"):
        return Reject(
            RejectCode.UNKNOWN_VALUE,
            path_text(path),
            f"{name!r} is not a value known here.",
            _nearest(name, _values(document, path, kind)),
        )
    if what.startswith("Expected"):
        return Reject(RejectCode.WRONG_TYPE, path_text(path), _plain(what), _quote_it(what))
    return Reject(RejectCode.MALFORMED, path_text(path), f"{what}.")


def _plain(what: str) -> str:
    """A decoder's ``Expected `str`, got `int``` in the words of JSON."""
    words = {"str": "text", "int": "a whole number", "bool": "true or false", "float": "a number"}
    words |= {"array": "a list", "object": "an object"}

    def said(match: re.Match[str]) -> str:
        return " or ".join(words.get(word, word) for word in match[1].split(" | "))

    return re.sub(r"`([^`]*)`", said, what) + "."


def _quote_it(what: str) -> str:
    expected, _, got = what.partition(", got ")
    if "str" in expected and got.strip("`") in ("int", "float"):
        return "Prices and quantities are decimal text in quotes, so that no digit is lost."
    return ""


def _wanted(name: str, path: Path, where: list[inspect.Type]) -> str:
    tags = _tags(where)
    if tags and name == _tag_field(where):
        return f"One of: {', '.join(tags)}."
    return ""


def _thing(document: object, path: Path) -> str:
    value = _value_at(document, path)
    tag = value.get("type") if isinstance(value, dict) else None
    if isinstance(tag, str):
        return f"A {tag}"
    return f"{path_text(path)!r}" if path else "The body"


def _nearest(name: str, known: list[str]) -> str:
    if not known:
        return ""
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."


def _real_path(document: object, text: str, message: str, kind: Any) -> Path:
    """The decoder's path; where it hides a key of a mapping behind ``[...]``, the key is found."""
    path: list[Step] = []
    for name, index, some in _STEP.findall(text.removeprefix("$")):
        if name or index:
            path.append(name or int(index))
        elif some:
            path.append(_guilty_key(document, tuple(path), message, kind))
    return tuple(path)


def _guilty_key(document: object, path: Path, message: str, kind: Any) -> str:
    """The first key under which the same complaint comes up with all others gone."""
    mapping = _value_at(document, path)
    if not isinstance(mapping, dict):
        return _SOME_KEY
    for key, value in mapping.items():
        try:
            msgspec.convert(_with(document, path, {key: value}), kind)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(key)
    return _SOME_KEY


def _with(document: Any, path: Path, value: object) -> object:
    """A copy of the document with another value at ``path``."""
    if not path:
        return value
    changed: Any = dict(document) if isinstance(document, dict) else list(document)
    changed[path[0]] = _with(document[path[0]], path[1:], value)
    return changed


def _value_at(document: object, path: Path) -> object:
    for step in path:
        try:
            document = document[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def _overlong(value: object, path: Path) -> Path | None:
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        return path
    steps = value.items() if isinstance(value, dict) else ()
    for step, below in enumerate(value) if isinstance(value, list) else steps:
        found = _overlong(below, (*path, step))
        if found is not None:
            return found
    return None


# What could have stood at a path, by the types themselves.


@lru_cache(maxsize=64)
def _type_info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _types_at(document: object, path: Path, kind: Any) -> list[inspect.Type]:
    """The types that may stand at ``path``, those of the wrong tag left out on the way."""
    types = _flat(_type_info(kind))
    value = document
    for step in path:
        types = [below for found in _fitting(types, value) for below in _below(found, step)]
        value = _value_at(value, (step,))
    return types


def _flat(found: inspect.Type) -> list[inspect.Type]:
    return list(found.types) if isinstance(found, inspect.UnionType) else [found]


def _fitting(types: list[inspect.Type], value: object) -> list[inspect.Type]:
    """Of several structs the one whose tag the value carries; all, if it carries none of theirs."""
    if not isinstance(value, dict):
        return types
    fits: list[inspect.Type] = [
        found
        for found in types
        if isinstance(found, inspect.StructType)
        and found.tag is not None
        and value.get(found.tag_field) == found.tag
    ]
    return fits or types


def _below(found: inspect.Type, step: Step) -> list[inspect.Type]:
    if isinstance(found, inspect.StructType):
        return [t for f in found.fields if f.encode_name == step for t in _flat(f.type)]
    if isinstance(found, inspect.VarTupleType | inspect.ListType) and isinstance(step, int):
        return _flat(found.item_type)
    return _flat(found.value_type) if isinstance(found, inspect.DictType) else []


def _field_names(types: list[inspect.Type], value: object) -> list[str]:
    structs = [t for t in _fitting(types, value) if isinstance(t, inspect.StructType)]
    return list(dict.fromkeys(f.encode_name for t in structs for f in t.fields))


def _tags(types: list[inspect.Type]) -> list[str]:
    return [str(t.tag) for t in types if isinstance(t, inspect.StructType) and t.tag is not None]


def _tag_field(types: list[inspect.Type]) -> str | None:
    fields = [t.tag_field for t in types if isinstance(t, inspect.StructType) and t.tag_field]
    return fields[0] if fields else None


def _values(document: object, path: Path, kind: Any) -> list[str]:
    """The words allowed at ``path``: an enumeration's, or the tags of what stands there."""
    types = _types_at(document, path, kind)
    words = [str(m.value) for t in types if isinstance(t, inspect.EnumType) for m in t.cls]
    if words or not path:
        return words
    above = _types_at(document, path[:-1], kind)
    return _tags(above) if path[-1] == _tag_field(above) else []
