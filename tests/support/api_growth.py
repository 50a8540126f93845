"""What a newer OpenAPI description breaks for whoever holds to an older one: v1 only grows.

What is sent may only be taken more freely, what is answered only be told more closely:

| | sent: parameters, headers, bodies | answered |
|---|---|---|
| gone | operation, parameter, field, media type, kind of value | operation, status, header, field, media type |
| may come | what need not be given; more kinds and values | fields, headers and statuses |
| may not come | anything that must be given; a narrower bound | kinds and values; a field that may be missing |

Bounds, patterns and formats of answers are not compared: nobody is broken by a number that may be greater. No library that
is kept up does this in Python (the usual one, oasdiff, is a program in Go).
"""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

METHODS = ("get", "put", "post", "delete", "patch")
AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
EXACTLY = ("pattern", "format", "multipleOf", "const", "uniqueItems")
DEEPEST = 20


def broken(old: Document, new: Document) -> list[str]:
    """What of `old` no longer holds in `new`: a line each, with where it is; empty where all does."""
    return list(_Comparison(old, new).paths())


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old, new

    def paths(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method in METHODS:
                if method in methods:
                    where, now = f"{method.upper()} {path}", self._new["paths"].get(path, {}).get(method)
                    yield from [f"{where}: gone"] if now is None else self._operation(where, methods[method], now)

    def _operation(self, where: str, old: Document, new: Document) -> Iterator[str]:
        before, now = ({(p["in"], p["name"]): p for p in each.get("parameters", ())} for each in (old, new))
        for key in before.keys() | now.keys():
            place = f"{where} {key[0]}.{key[1]}"
            if key not in now:
                yield f"{place}: gone"
                continue
            if now[key].get("required") and not before.get(key, {}).get("required"):
                yield f"{place}: must be given now"
            if key in before:
                yield from self._schema(place, before[key]["schema"], now[key]["schema"], sent=True)
        yield from self._body(where, old.get("requestBody"), new.get("requestBody"))
        for status, answer in old["responses"].items():
            if status not in new["responses"]:
                yield f"{where} {status}: gone"
            else:
                yield from self._answer(f"{where} {status}", answer, new["responses"][status])
        if "admin" not in _scopes(old) and not _scopes(old) >= _scopes(new):
            yield f"{where}: needs {', '.join(sorted(_scopes(new)))} now"

    def _body(self, where: str, old: Document | None, new: Document | None) -> Iterator[str]:
        if new and new.get("required") and not (old or {}).get("required"):
            yield f"{where} body: must be given now"
        if old:
            yield from self._contents(f"{where} body", old, new or {}, sent=True)

    def _answer(self, where: str, old: Document, new: Document) -> Iterator[str]:
        for name, header in old.get("headers", {}).items():
            now = new.get("headers", {}).get(name)
            if now is None or (header.get("required") and not now.get("required")):
                yield f"{where} header {name}: {'gone' if now is None else 'may be missing now'}"
        yield from self._contents(where, old, new, sent=False)

    def _contents(self, where: str, old: Document, new: Document, *, sent: bool) -> Iterator[str]:
        for media_type, content in old.get("content", {}).items():
            now = new.get("content", {}).get(media_type)
            if now is None:
                yield f"{where} {media_type}: gone"
            else:
                yield from self._schema(where, content.get("schema", {}), now.get("schema", {}), sent=sent)

    def _schema(self, where: str, old: Document, new: Document, *, sent: bool, deep: int = 0) -> Iterator[str]:
        """What breaks between two schemas. A value that is sent must be allowed by the new one, an answered by the old one."""
        if deep > DEEPEST:
            return
        olds, news = list(_kinds(self._old, old)), list(_kinds(self._new, new))
        given, taking = (olds, news) if sent else (news, olds)
        for kind in given:
            found = [list(self._one(where, *((kind, one) if sent else (one, kind)), sent=sent, deep=deep)) for one in taking
                     if _matches(kind, one)]  # fmt: skip
            if not found:
                yield f"{where}: {_name(kind)} is {'not taken any more' if sent else 'answered now'}"
            elif all(found):
                yield from min(found, key=len)

    def _one(self, where: str, old: Document, new: Document, *, sent: bool, deep: int) -> Iterator[str]:
        if sent:
            yield from _narrower(where, old, new)
        before, now = old.get("enum"), new.get("enum")
        values, allowed = (before, now) if sent else (now, before)
        if allowed is not None and (values is None or not set(values) <= set(allowed)):
            yield f"{where}: not the same values, {before} and {now}"
        yield from self._fields(where, old, new, sent=sent, deep=deep)
        for word in ("items", "additionalProperties"):
            if isinstance(old.get(word), Mapping) and isinstance(new.get(word), Mapping):
                yield from self._schema(f"{where}[]", old[word], new[word], sent=sent, deep=deep + 1)
            elif sent and old.get(word, True) is not False and new.get(word, True) is not True:
                yield f"{where}: not any {word} are taken now"

    def _fields(self, where: str, old: Document, new: Document, *, sent: bool, deep: int) -> Iterator[str]:
        before, now = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in now:
                yield from self._schema(f"{where}.{name}", schema, now[name], sent=sent, deep=deep + 1)
            else:
                yield f"{where}.{name}: gone"
        first, last = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(last - first if sent else (first - last) & now.keys()):
            yield f"{where}.{name}: {'must be given' if sent else 'may be missing'} now"


def _scopes(operation: Document) -> set[str]:
    return {scope for needed in operation.get("security", ()) for scopes in needed.values() for scope in scopes}


def _kinds(whole: Document, schema: Document) -> Iterator[Document]:
    """The kinds of value that a schema allows, each a schema of one type at most, with its references followed."""
    if reference := schema.get("$ref"):
        yield from _kinds(whole, whole["components"]["schemas"][reference.rpartition("/")[2]])
    elif parts := schema.get("anyOf") or schema.get("oneOf"):
        for part in parts:
            yield from _kinds(whole, part)
    elif isinstance(schema.get("type"), list):
        for name in schema["type"]:
            yield {**schema, "type": name}
    else:
        yield schema


def _matches(kind: Document, allowed: Document) -> bool:
    """Whether a value of one kind can be one of the other: anything is taken where no type is named."""
    name, other = kind.get("type"), allowed.get("type")
    return other is None or name == other or (name == "integer" and other == "number")


def _narrower(where: str, old: Document, new: Document) -> Iterator[str]:
    for words, less in ((AT_LEAST, lambda now, before: now > before), (AT_MOST, lambda now, before: now < before)):
        for word in words:
            if word in new and (word not in old or less(new[word], old[word])):
                yield f"{where}: {word} is {new[word]} now, and was {old.get(word, 'none')}"
    for word in EXACTLY:
        if word in new and new[word] != old.get(word):
            yield f"{where}: {word} is {new[word]} now, and was {old.get(word, 'none')}"


def _name(kind: Document) -> str:
    return str(kind.get("type", "anything"))
