"""Everything a backtest shows: its charts and tables in the run folder, and the manifest over all of it."""

from typing import Any

import pandas as pd

from tidemark.charts import staleness, style
from tidemark.storage import artifacts, manifests, run_folder

Document = dict[str, Any]

TABLES = {
    "tables/lags.csv": "Quality by the interactions that came since",
    "tables/windows.csv": "Quality by how much was learned from",
    "tables/gate.csv": "Every decision of the gate, and what came of it",
    "docs/training_interactions/index.html": "Gate training_interactions",
}


def draw(run: str, *, dag: str, run_id: str) -> Document:
    """Draw every chart of a run that was concluded, write its tables, then its manifest; done again, they are replaced."""
    found = artifacts.read_json(f"{run}/{run_folder.BACKTEST}")
    tables = {
        "lags": _flat(found["lags"]),
        "windows": _flat(found["windows"]),
        "gate": _flat(found["gate"]["trials"]),
    }
    for name, table in tables.items():
        artifacts.write_table(f"{run}/tables/{name}.csv", table)
    titles = dict(TABLES)
    drawings = {
        "unlearned": staleness.unlearned(found),
        "windows": staleness.windows(found),
        "gate": staleness.gate(found),
    }
    for name, figure in drawings.items():
        titles |= style.save(figure, run, name)
    recommended = found["recommended"]
    counts = {"interactions": found["pairs"], "origins": found["origins"], "gate decisions": found["gate"]["decisions"]}
    verdicts = {"recommended": " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in recommended["why"])}
    if recommended["mark"]:
        verdicts |= {
            "TIDEMARK_RETRAIN_MARK": f"{recommended['mark']:,}",
            "TIDEMARK_WINDOW": f"{recommended['window']:,}",
        }
    manifests.write(
        run, dag=dag, run_id=run_id, title="How often to retrain", counts=counts, verdicts=verdicts, titles=titles
    )
    return counts


def _flat(rows: list[Document]) -> pd.DataFrame:
    """One row each, figures as `<name>`, `<name>_low` and `<name>_high`."""
    flat = []
    for row in rows:
        one: Document = {}
        for name, value in row.items():
            if isinstance(value, dict):
                one |= {f"{name}" if key in ("value", "mean") else f"{name}_{key}": part for key, part in value.items()}
            else:
                one[name] = value
        flat.append(one)
    return pd.DataFrame(flat)
