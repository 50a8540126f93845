"""The compose file's services; all that the tests need and this machine lacks is said in one line."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support import cluster as containers
from tests.support.cluster import Cluster

Start = Callable[..., AbstractContextManager[Cluster]]


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts a cluster of the compose files that it is given: every service of it well; it goes with its data with the block."""
    if lacks := containers.missing():
        pytest.fail(f"This machine cannot run the compose file: {lacks}")
    folder: Path = tmp_path_factory.mktemp("cluster")

    @contextmanager
    def starting(*files: str, scale: str = "spark-worker=2", **more: object) -> Iterator[Cluster]:
        with containers.daemon() as socket:
            cluster = Cluster(socket, folder, files, **more)
            cluster.compose("down", "--volumes", "--remove-orphans")  # of a run that was killed
            cluster.images()
            try:
                cluster.up("--scale", scale)
                yield cluster
            finally:
                logs = cluster.compose("logs", "--no-color", "--tail", "2000")
                (containers.FOLDER / "services.log").write_text(logs)
                cluster.compose("down", "--volumes", "--remove-orphans")

    yield starting


@pytest.fixture(scope="module")
def cluster(start: Start) -> Iterator[Cluster]:
    """The services of docker-compose.yaml, with two Spark workers."""
    with start("docker-compose.yaml") as cluster:
        yield cluster
