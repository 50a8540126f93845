"""The graph as files: `users.csv`, `products.csv`, `edges.csv` and `graph.graphml` in `<run>/graph/`.

Spark writes each in parts to a staging folder; the parts are then joined as streams, so no process holds a file. Texts
that a spreadsheet would take for a formula get a `'` (in CSV); what XML cannot hold becomes U+FFFD, and what it would
misread is escaped (in GraphML).
"""

import shutil
from collections.abc import Iterable
from typing import TYPE_CHECKING

import fsspec
from pyspark.sql import functions as f

from tidemark.contracts import schemas
from tidemark.storage import artifacts, run_folder

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

CHUNK = 1 << 20
"""Bytes that are copied at a time."""

_NOT_XML = r"[^\t\n\r\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]"
"""`tidemark.text.ILLEGAL_IN_XML` in Java's syntax."""

_SPECIAL = f'[&<>"]|{_NOT_XML}'

_FORMULA = f"^[{artifacts.FORMULA_STARTS.replace('-', chr(92) + '-')}]"

GRAPHML_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="kind" for="all" attr.name="kind" attr.type="string"/>
<key id="label" for="node" attr.name="label" attr.type="string"/>
<key id="degree" for="node" attr.name="degree" attr.type="long"/>
<key id="recommended" for="node" attr.name="recommended" attr.type="long"/>
<key id="weight" for="edge" attr.name="weight" attr.type="double"/>
<key id="rank" for="edge" attr.name="rank" attr.type="long"/>
<graph edgedefault="directed">
"""
GRAPHML_TAIL = "</graph>\n</graphml>\n"


def csv_cell(column: str) -> "Column":
    """`artifacts.csv_cell` of a text column."""
    return f.when(f.col(column).rlike(_FORMULA), f.concat(f.lit("'"), column)).otherwise(f.col(column)).alias(column)


def xml_text(column: str) -> "Column":
    """A text column as XML holds it, inside an attribute too."""
    text = f.regexp_replace(column, _NOT_XML, "\ufffd")
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = f.replace(text, f.lit(character), f.lit(entity))
    return f.when(f.col(column).rlike(_SPECIAL), text).otherwise(f.col(column))  # few need it: one look instead of five


def _data(**columns: "Column") -> "Column":
    """`<data key="name">value</data>` of each column that has a value; the values need no escaping any more."""
    each = [
        f.coalesce(f.concat(f.lit(f'<data key="{name}">'), value.cast("string"), f.lit("</data>")), f.lit(""))
        for name, value in columns.items()
    ]
    return f.concat(*each)


def graphml_nodes(vertices: "DataFrame") -> "DataFrame":
    """One line of GraphML for each vertex (columns of the contract `graph_vertex`)."""
    data = _data(kind=f.col("kind"), label=xml_text("label"), degree=f.col("degree"), recommended=f.col("recommended"))
    return vertices.select(f.concat(f.lit('<node id="'), xml_text("id"), f.lit('">'), data, f.lit("</node>")))


def graphml_edges(edges: "DataFrame") -> "DataFrame":
    """One line of GraphML for each edge (columns of the contract `graph_edge`)."""
    ends = (f.lit('<edge source="'), xml_text("source"), f.lit('" target="'), xml_text("target"), f.lit('">'))
    data = _data(kind=f.col("kind"), weight=f.col("weight"), rank=f.col("rank"))
    return edges.select(f.concat(*ends, data, f.lit("</edge>")))


def _write_csv(frame: "DataFrame", contract: str, folder: str) -> None:
    names = schemas.fields(contract)
    # Ids begin with u: or i: and kinds are words of the contract: only a label may be anything.
    # Quotes are doubled (RFC 4180); Spark's own default is a backslash, which spreadsheets do not know.
    options = {"escape": '"', "emptyValue": "", "ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"}
    safe = frame.select(*(csv_cell(name) if name == "label" else f.col(name) for name in names))
    safe.write.mode("overwrite").options(**options).csv(folder)


def _join(path: str, pieces: Iterable[str | bytes]) -> None:
    """Write `pieces` after one another to `path`: bytes, or folders whose parts come in their order."""
    with artifacts.replacing(path, "wb") as out:
        for piece in pieces:
            if isinstance(piece, bytes):
                out.write(piece)
                continue
            filesystem, folder = fsspec.core.url_to_fs(piece)
            for part in sorted(filesystem.glob(f"{folder}/part-*")):
                with filesystem.open(part, "rb") as stream:
                    shutil.copyfileobj(stream, out, CHUNK)


def write(users: "DataFrame", items: "DataFrame", edges: "DataFrame", run: str, stage: str) -> None:
    """Write the four files of `<run>/graph/`, each whole or not at all.

    Args:
        users, items: columns of the contract `graph_vertex`.
        edges: columns of the contract `graph_edge`.
        run: the run folder; any fsspec location.
        stage: a folder that Spark writes to and this process reads; of this call alone, removed at its end.
    """
    nodes = []
    try:
        for name, frame, contract in (
            ("users", users, "graph_vertex"),
            ("products", items, "graph_vertex"),
            ("edges", edges, "graph_edge"),
        ):
            frame = frame.select(*schemas.fields(contract))
            schemas.require_columns(contract, frame.schema)
            _write_csv(frame, contract, f"{stage}/{name}")
            header = ",".join(schemas.fields(contract)) + "\n"
            _join(f"{run}/{run_folder.GRAPH_FILES}/{name}.csv", [header.encode(), f"{stage}/{name}"])
            lines = graphml_edges(frame) if name == "edges" else graphml_nodes(frame)
            lines.write.mode("overwrite").text(f"{stage}/{name}_graphml")
            nodes.append(f"{stage}/{name}_graphml")
        _join(f"{run}/{run_folder.GRAPH_FILES}/graph.graphml", [GRAPHML_HEAD.encode(), *nodes, GRAPHML_TAIL.encode()])
    finally:
        filesystem, folder = fsspec.core.url_to_fs(stage)
        if filesystem.exists(folder):
            filesystem.rm(folder, recursive=True)
