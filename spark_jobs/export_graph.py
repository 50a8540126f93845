"""Export the interaction graph of a model that is live: its data and its recommendations, as CSV and GraphML.

spark-submit spark_jobs/export_graph.py --run <run folder of a model that was published>
"""

from tidemark import phases
from tidemark.graph import edges, export
from tidemark.phases import phase
from tidemark.registry import entries
from tidemark.retraining import snapshot
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read, export, write."""
    with phases.job() as took:
        taken = artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")
        model = entries.get(mongo.connect(), taken["model_id"])
        with phase("session"):
            spark = session("tidemark-export-graph")
        with phase("graph"):
            lists, titles = edges.lists(spark, model["_id"]), edges.titles(spark)
            exported = export.export(run, model, snapshot.window(spark, taken), lists, titles)
        artifacts.write_json(f"{run}/{run_folder.GRAPH}", exported | took())


if __name__ == "__main__":
    job.main("export_graph", __doc__, main)
