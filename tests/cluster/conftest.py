"""The compose file's services, started once; all that the tests need and this machine lacks is said in one line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cluster as containers
from tests.support.cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with two Spark workers, every service of it well; it goes with its data when the tests end."""
    if lacks := containers.missing():
        pytest.fail(f"This machine cannot run the compose file: {lacks}")
    with containers.daemon() as socket:
        cluster = Cluster(socket, tmp_path_factory.mktemp("cluster"))
        cluster.compose("down", "--volumes", "--remove-orphans")  # of a run that was killed
        cluster.images()
        try:
            cluster.up()
            yield cluster
        finally:
            logs = cluster.compose("logs", "--no-color", "--tail", "2000")
            (containers.FOLDER / "services.log").write_text(logs)
            cluster.compose("down", "--volumes", "--remove-orphans")


@pytest.fixture(scope="session")
def data(cluster: Cluster) -> Path:
    """The folder that services see as `/data`."""
    return containers.ROOT / "data"
