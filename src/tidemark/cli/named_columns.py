"""Named columns: which column of a source is what, as a person writes it in a command."""

import shlex

import typer


def named_columns(given: str) -> dict[str, object]:
    """`item=sku 'time=bought at'` -> `{"item": "sku", "time": "bought at"}`; what holds blanks is quoted."""
    try:
        named = dict(pair.partition("=")[::2] for pair in shlex.split(given))
    except ValueError:
        named = {given: ""}
    if "" in named.values():
        raise typer.BadParameter(f"{given}: give what=column for each, with blanks between: item=sku time=at")
    return dict(named)
