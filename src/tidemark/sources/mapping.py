"""Mapping: which column of a file is what: as a person says, as a preset says, or by the names that columns usually have."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemark.errors import BadInputError


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ITEM = _words(
    "item itemid product productid sku asin parentasin movie movieid article articleid book bookid isbn track "
    "trackid song songid stockcode game gameid business businessid content contentid goods goodsid iid artist "
    "artistid"
)

USUAL: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "interactions": {
        "user": _words(
            "user userid uid visitor visitorid customer customerid client clientid account accountid member "
            "memberid reviewerid person personid buyer buyerid shopper"
        ),
        "item": _ITEM,
        "time": _words(
            "time timestamp ts datetime date createdat eventtime unixreviewtime invoicedate orderdate purchasedat "
            "purchasedate occurredat happenedat unixtime eventtimestamp"
        ),
        "rating": _words("rating ratings stars score overall grade userrating bookrating movierating reviewrating"),
        "event": _words("event eventtype eventname action actiontype behavior behaviour behaviortype"),
        "quantity": _words("quantity qty units pieces"),
        "weight": _words("weight confidence strength playcount plays"),
    },
    "products": {
        "item": (*_ITEM, "id"),
        "title": _words("title name productname producttitle itemname itemtitle movietitle booktitle"),
        "category": _words("category categories genre genres department producttype categoryname maincategory"),
        "price": _words("price unitprice listprice saleprice"),
        "brand": _words("brand brandname manufacturer vendor maker"),
        "description": _words("description desc productdescription longdescription overview"),
        "image": _words("image imageurl img imgurl picture pictureurl thumbnail poster imagelink"),
        "available": _words("available instock isavailable availability active isactive"),
    },
}
"""Of each kind of source, what a column may be and the names, without case and signs, that it then usually has."""

NEEDED = {"interactions": ("user", "item"), "products": ("item",)}


@dataclass(frozen=True)
class Mapped:
    """Which column is what.

    Args:
        columns: what it is -> the column's name, in the order of `USUAL`.
        why: the same -> how it was found: `given`, `preset` or `by its name`.
        left: the columns that are nothing of the kind.
    """

    columns: Mapping[str, str]
    why: Mapping[str, str]
    left: tuple[str, ...]

    def text(self) -> str:
        """In words, for a person."""
        told = [f"{role} = {column!r} ({self.why[role]})" for role, column in self.columns.items()]
        rest = f"; not used: {', '.join(self.left)}" if self.left else ""
        return ", ".join(told) + rest


def plain(name: str) -> str:
    """A column's name without case, blanks and signs."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def is_usual(kind: str, name: str) -> bool:
    """Whether a column of this name usually is something of a source of this kind."""
    return any(plain(name) in names for names in USUAL[kind].values())


def map_columns(
    source: str, kind: str, columns: Sequence[str], given: Mapping[str, str], preset: Mapping[str, str]
) -> Mapped:
    """Which of `columns` is what.

    Args:
        source: named in messages.
        kind: `interactions` or `products`.
        columns: of the file.
        given: what a person says, what it is -> the column; wins over all else.
        preset: the same, of a preset; wins over usual names. Where there is one, usual names are not looked at.

    Raises:
        BadInputError: a column is not there, two may be the same thing, or one that is needed is not found; it lists what
            there is.
    """
    there = ", ".join(columns) or "none"
    found, why = dict[str, str](), dict[str, str]()
    for role, names in USUAL[kind].items():
        if role in given:
            found[role], why[role] = _of_name(source, role, given[role], columns, there), "given"
        elif preset:
            if preset.get(role) in columns:
                found[role], why[role] = preset[role], "preset"
        else:
            usual = [column for column in columns if plain(column) in names and column not in given.values()]
            if len(usual) > 1:
                raise BadInputError(
                    f"{source}: {len(usual)} columns may be the {role}: {', '.join(usual)}. Say which: give the parameter "
                    f"`{role}` (in `make run`: COLUMNS='{role}={usual[0]}')"
                )
            if usual:
                found[role], why[role] = usual[0], "by its name"
    lacking = [role for role in NEEDED[kind] if role not in found]
    if lacking:
        numbers = ", by its number (no header was found)" if columns and all(c.isdigit() for c in columns) else ""
        raise BadInputError(
            f"{source}: no column is known to be the {' or the '.join(lacking)}. The columns are: {there}. Say which it is"
            f"{numbers}: give the parameter{'s' if len(lacking) > 1 else ''} {', '.join(f'`{role}`' for role in lacking)} "
            f"(in `make run`: COLUMNS='{' '.join(f'{role}=...' for role in lacking)}')"
        )
    twice = [column for column in found.values() if list(found.values()).count(column) > 1]
    if twice:
        roles = " and ".join(role for role, column in found.items() if column == twice[0])
        raise BadInputError(f"{source}: the column {twice[0]!r} cannot be {roles} at once. Give each its own")
    return Mapped(found, why, tuple(column for column in columns if column not in found.values()))


def _of_name(source: str, role: str, name: str, columns: Sequence[str], there: str) -> str:
    """The column that a person named, by its name, whatever its case, or by its number."""
    alike = [column for column in columns if column == name] or [c for c in columns if c.casefold() == name.casefold()]
    if not alike and name.isdigit() and 1 <= int(name) <= len(columns):
        alike = [columns[int(name) - 1]]
    if not alike:
        raise BadInputError(f"{source}: there is no column {name!r} for the {role}. The columns are: {there}")
    return alike[0]
