"""Run folders: where a run keeps what it read, made and decided, and what each file of it is called: said once, here.

`<artifacts>/<dag>/<run key>/<file>`; `<landing>/<dag>/<run key>` is where it lands and stages.
"""

import hashlib
import re

MANIFEST = "manifest.json"
"""What the run was, over every other file; written last: a folder that has one is whole."""

# load_reviews
LAND = "land.json"
"""The landed files and where they are staged."""
VALIDATE = "validate.json"
"""What was read, rejected and found twice, and the profile that the gate judged."""
LOAD = "load.json"
"""What was stored."""

# featurize_products
FEATURES = "features.json"
"""Which pipeline gave how many products their vectors."""

# explore_reviews
ASKED = "asked.json"
"""The sample that was asked for."""
EXPLORE = "explore.json"
"""The sample's proof, and what all reviews are like."""
SAMPLE = "data/sample"
"""The sample's rows, Parquet."""

# retrain_recommender
SNAPSHOT = "snapshot.json"
"""What may be learned from, and what was asked for."""
PAIRS = "pairs.npz"
"""The pairs and their ids; read once, so that every later step sees the same.

Of a window beyond one machine, those of a sample of users."""
WINDOW = "window"
"""Of a window beyond one machine: what every user had, Parquet."""
ITEMS = "items.npz"
"""Of such a window: the ids of the items."""
TOTALS = "totals.npz"
"""Of such a window: what all users took of each item, on either side of the split."""
WINDOW_TOLD = "window.json"
"""Of such a window: how many users, items and pairs it has, and which of them are the sample."""
LISTS = "lists"
"""Of such a window: what is recommended to everybody, Parquet."""
CANDIDATE = "candidate.npz"
"""The candidate, fitted on the training part."""
TRAIN = "train.json"
"""Engine, settings, search, sizes."""
EVALUATE = "evaluate.json"
"""Figures of every model, and the leads that a decision weighs."""
MODEL = "model.npz"
"""The model that goes live, fitted on all pairs."""
PACK = "pack"
"""The serving pack of the model that went live: a folder."""
PUBLISH = "publish.json"
"""Who is served, and what was dropped."""
STARS = "stars.json"
"""RMSE and MAE of the rating models."""
DIVERSITY = "diversity.json"
"""What more diverse lists would cost and gain."""
GRAPH = "graph.json"
"""The shape of the exported graph."""
REPORT = "report.json"
"""What the run did, in small."""

# backtest_recommender
PLAN = "plan.json"
"""What is trained and measured when."""
BACKTEST = "backtest.json"
"""What all origins show, and recommend."""


def origin(number: int) -> str:
    """NDCG@10 of each user measured at one origin."""
    return f"data/origin-{number}.npz"


def gate_trials(number: int) -> str:
    """What the gate decided at one origin, and what came of it."""
    return f"data/gate-{number}.json"


# tidy_up
TIDIED = "tidied.json"
"""What went, and what it freed."""

CHARTS, TABLES, GRAPH_FILES, DOCS = "charts", "tables", "graph", "docs"
"""Folders of a run: drawings, CSV files, the graph, the Data Docs of its gates."""

LONGEST_KEY = 160
"""Characters of a run's id that its key keeps: file systems allow 255 in a name, and names are put around it."""

_MARKED = re.compile(r"-[0-9a-f]{8}$")


def key(run_id: str) -> str:
    """A DAG run's id as a safe folder name of its own: `manual__2026-01-01T00:00:00+00:00` ->
    `manual__2026-01-01T00-00-00-00-00-1e8dc70c`.

    An id that had to be cleaned is marked by its hash, and so is one that looks marked already: `a:b`, `a+b` and `a-b`
    never share a folder. An id that is safe as it is stays as it is. Whoever looks for a run's folder calls this.
    """
    clean = re.sub(r"[^A-Za-z0-9_.-]+", "-", run_id).strip(".-")[:LONGEST_KEY]
    if clean == run_id and clean and not _MARKED.search(clean):
        return clean
    return f"{clean or 'run'}-{hashlib.sha256(run_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def of(root: str, dag_id: str, run_id: str) -> str:
    """Where the run `run_id` of `dag_id` keeps its artifacts: `<root>/<dag>/<run key>`."""
    return f"{root.rstrip('/')}/{dag_id}/{key(run_id)}"


def names(path: str) -> tuple[str, str]:
    """The DAG and the run's key in a path that `of` made."""
    dag_id, run_key = path.rstrip("/").split("/")[-2:]
    return dag_id, run_key


def docs(run: str, gate: str) -> str:
    """Where the Data Docs of the gate `gate` are."""
    return f"{run}/{DOCS}/{gate}"


def error(run: str, job: str) -> str:
    """Where the job `job` leaves why it failed."""
    return f"{run}/{job}.error.json"
