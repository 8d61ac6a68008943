"""Policy text to Policy: every problem with its file, line, key and what was expected."""

import difflib
import json
import re
from collections.abc import Hashable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from canary.core.policy.model import LITERAL_KEY, Policy, Profile


class PolicyError(Exception):
    """A policy, profile or key that cannot be used; the message names every place and its remedy."""


type Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """YAML's safe subset with the plain scalars of YAML 1.2, and without aliases.

    ``off`` and ``NO`` are words, ``1:30`` and ``010`` are no numbers: nothing is guessed.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, "aliases are not supported; write the value out", mark
            )
        return super().compose_node(parent, index)


_GUESSED = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _GUESSED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})$"), list(_first))


class _Lines(dict[Path, int]):
    def nearest(self, path: Path) -> int:
        """The line of ``path`` or of the closest thing around it."""
        while path and path not in self:
            path = path[:-1]
        return self.get(path, 1)


def parse_policy(text: str, source: str, name: str | None = None) -> Policy:
    """The policy that ``text`` describes.

    Args:
        source: the file's name, for messages.
        name: the rollout's name when the text gives none.

    Raises:
        PolicyError: it is not valid; one line per problem.
    """
    data, lines = _document(text, source)
    if name is not None:
        data.setdefault("name", name)
    return _validated(Policy, data, lines, source)


def parse_profile(text: str, source: str) -> Profile:
    """The provider profile that ``text`` describes.

    Raises:
        PolicyError: it is not valid.
    """
    data, lines = _document(text, source)
    return _validated(Profile, data, lines, source)


def policy_hash(policy: Policy) -> str:
    """Twelve hex digits that change with the meaning of a policy and not with its formatting."""
    return sha256(policy_json(policy).encode()).hexdigest()[:12]


def policy_json(policy: Policy) -> str:
    """The whole policy as canonical JSON; keys are references in it, never values."""
    # without what is not set: a gate that the policy leaves out must not come back as one with defaults
    written = policy.model_dump(mode="json", exclude_none=True)
    return json.dumps(written, sort_keys=True, separators=(",", ":"))


def line_of(text: str, path: Path) -> int:
    """The line on which ``path`` stands in a policy's text."""
    root = yaml.compose(text, Loader=_Loader)
    return _Lines(_walk(root, ())).nearest(path) if root else 1


# --- YAML ---------------------------------------------------------------------------------------------------------


def _document(text: str, source: str) -> tuple[dict[str, Any], _Lines]:
    root, data = _parsed(text, source)
    if root is None or not isinstance(data, dict):
        found = "nothing" if root is None else f"a {type(data).__name__}"
        raise PolicyError(f"{source}:1: expected a mapping of keys to values, found {found}")
    lines = _Lines(_walk(root, ()))
    twice = _duplicate(root, ())
    if twice is not None:
        path, line = twice
        raise PolicyError(f"{source}:{line}: {_dotted(path)}: the key is written twice; keep one of them")
    return data, lines


def _parsed(text: str, source: str) -> tuple[yaml.Node | None, Any]:
    try:
        return yaml.compose(text, Loader=_Loader), yaml.load(text, Loader=_Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        # what stands there may be a key: it is not repeated
        problem = re.sub(r"'([^'<]{3,})'|'[^']*'", _unquoted, error.problem or "it cannot be read")
        raise PolicyError(f"{where}: not valid YAML: {problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyError(
            f"{source}:{line}: not valid YAML: it holds a character that YAML does not allow"
        ) from None
    except (RecursionError, ValueError):
        raise PolicyError(
            f"{source}: not valid YAML: it is nested too deeply, or a number is too long"
        ) from None


def _unquoted(found: re.Match[str]) -> str:
    return "what is written there" if found.group(1) else found.group()


def _walk(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            yield from _walk(value, inner)
            yield inner, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*path, index))


def _duplicate(node: yaml.Node, path: Path) -> tuple[Path, int] | None:
    if isinstance(node, yaml.SequenceNode):
        found = (_duplicate(item, (*path, i)) for i, item in enumerate(node.value))
        return next((d for d in found if d), None)
    if not isinstance(node, yaml.MappingNode):
        return None
    seen: set[Hashable] = set()
    for key, value in node.value:
        inner = (*path, str(key.value))
        if key.value in seen:
            return inner, key.start_mark.line + 1
        seen.add(key.value)
        if deeper := _duplicate(value, inner):
            return deeper
    return None


# --- messages -----------------------------------------------------------------------------------------------------


def _validated[M: BaseModel](model: type[M], data: dict[str, Any], lines: _Lines, source: str) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = [d for d in error.errors(include_input=False) if not _follows(d, error)]
        details.sort(key=lambda detail: lines.nearest(_written_path(detail["loc"])))
        problems = [_message(model, detail, lines, source) for detail in details]
        raise PolicyError("\n".join(dict.fromkeys(problems))) from None


def _follows(detail: ErrorDetails, error: ValidationError) -> bool:
    """Whether a problem is only the shadow of another: a list is empty because its items were refused."""
    loc = detail["loc"]
    others = (other["loc"] for other in error.errors(include_input=False))
    return detail["type"] == "too_short" and any(o[: len(loc)] == loc and o != loc for o in others)


def _message(model: type[BaseModel], detail: ErrorDetails, lines: _Lines, source: str) -> str:
    path = _written_path(detail["loc"])
    where = f"{source}:{lines.nearest(path)}: {_dotted(path) or 'the policy'}"
    kind = detail["type"]
    if kind == "extra_forbidden":
        return f"{where}: unknown key{_suggestion(model, path)}"
    if kind == "missing":
        return f"{where}: the key is missing"
    if "api_key" in path:
        return f"{where}: {LITERAL_KEY}"
    return f"{where}: {_expectation(detail)}"


_EXPECTED = {
    "model_type": "expected a mapping of keys to values",
    "dict_type": "expected a mapping of keys to values",
    "tuple_type": "expected a list",
    "string_type": "expected text; put it in quotes",
    "string_unicode": "expected text in Unicode",
    "string_too_short": "expected some text",
    "too_short": "expected at least one entry",
    "invalid_key": "expected a key that is text",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "decimal_type": "expected a number",
    "decimal_parsing": "expected a number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "literal_error": "expected {expected}",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
}
"""What each kind of problem of pydantic's means to the reader of a policy."""


def _expectation(detail: ErrorDetails) -> str:
    known = _EXPECTED.get(detail["type"])
    if known is not None:
        return known.format(**detail.get("ctx", {}))
    return detail["msg"].removeprefix("Value error, ")


# what pydantic adds to a location: names of union members, and that a key is meant
_TAGS = frozenset({"EnvRef", "FileRef", "str", "literal['passthrough']", "[key]"})


def _written_path(loc: Sequence[str | int]) -> Path:
    return tuple(part for part in loc if part not in _TAGS)


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        shown = part if part.isprintable() else ascii(part)
        text += f".{shown}" if text else shown
    return text


def _suggestion(model: type[BaseModel], path: Path) -> str:
    known = _known_keys(model, path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; expected one of {', '.join(sorted(known))}" if known else ""


def _known_keys(model: type[BaseModel], path: Path) -> list[str]:
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for part in path:
        node = _inner(schema, node, part)
    return list(_resolved(schema, node).get("properties", {}))


def _inner(schema: dict[str, Any], node: dict[str, Any], part: str | int) -> dict[str, Any]:
    node = _resolved(schema, node)
    if isinstance(part, int):
        items: dict[str, Any] = node.get("items", {})
        return items
    inner: dict[str, Any] = node.get("properties", {}).get(part, {})
    return inner


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The node behind references and optional types."""
    for option in node.get("anyOf", ()):
        if option.get("type") != "null":
            node = option
            break
    if "$ref" in node:
        target: dict[str, Any] = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        return target
    return node
