"""Export the interaction graph of a model that is live: its data and its recommendations, as CSV and GraphML. Of a window beyond one
machine, that of the sample of users whom its figures rest on.

spark-submit spark_jobs/export_graph.py --run <run folder of a model that was published>
"""

from tidemark import phases
from tidemark.at_scale import user_rows
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
            interactions, lists = snapshot.window(spark, taken), edges.lists(spark, model["_id"])
            told = f"{run}/{run_folder.WINDOW_TOLD}"
            below = artifacts.read_json(told)["sample_below"] if artifacts.exists(told) else user_rows.SPAN
            if below < user_rows.SPAN:  # a graph of all would be of no use to anybody, and in one process
                interactions = interactions.where(user_rows.mark("user_id") < below)
                lists = lists.where(user_rows.mark("_id") < below)
                model["data"]["pairs"] = model["data"]["sampled_pairs"]
            exported = export.export(run, model, interactions, lists, edges.titles(spark))
        artifacts.write_json(f"{run}/{run_folder.GRAPH}", exported | took())


if __name__ == "__main__":
    job.main("export_graph", __doc__, main)
