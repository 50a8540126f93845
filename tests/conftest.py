"""Real servers for tests, started when first asked for, on free ports, with state of their own, once per session.

Nothing here reads the repository's `.env` or touches a platform that is running: see the environment set below.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support import mongo_features, profiling, secrets_in_logs
from tests.support.own_settings import local_settings, use
from tidemark.local import mongo, servant
from tidemark.local.servers import running
from tidemark.settings import ROOT, Settings, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHARED_DATA = os.environ.get("TIDEMARK_SHARED_DATA", "")

for _name in [name for name in os.environ if name.startswith("TIDEMARK_") and name != "TIDEMARK_FULL"]:
    del os.environ[_name]
os.environ["TIDEMARK_ENV_FILE"] = os.devnull
os.environ["TIDEMARK_STATE"] = tempfile.mkdtemp(prefix="tidemark-tests-")
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
os.environ["GX_ANALYTICS_ENABLED"] = "false"
# Two processes of tests share the cores: threads of BLAS that wait for each other take three times as long there.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


# The same examples in every run, and no test fails for a busy machine.
hypothesis.settings.register_profile("tidemark", deadline=None, derandomize=True)
hypothesis.settings.load_profile("tidemark")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--screenshots docs/images`: where the browser test keeps what it saw; else below `.tidemark`.

    `--update-golden`: the golden files below tests/dags/golden are written as the code is now.
    `--release-api`: the description that v1 may only add to is the present one from now on, if it breaks nothing.
    """
    parser.addoption("--screenshots", default="", help="folder for the browser test's screenshots")
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files anew; git diff then shows all"
    )
    parser.addoption("--release-api", action="store_true", help="keep the API's description as the released one")


@pytest.fixture(scope="session", autouse=True)
def _state_folder() -> Iterator[None]:
    """Remove the state of this session's tests at its end, and what PostgreSQL had of its own where root runs them."""
    servants = Path(tempfile.mkdtemp(prefix="tidemark-tests-servants-"))
    servants.chmod(0o711)
    servant.PLACES = (str(servants),)
    yield
    for folder in (os.environ["TIDEMARK_STATE"], servants):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _no_secret_in_any_log(_state_folder: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """When all servers of the session have ended, no log of theirs holds what a test made secret."""
    yield
    secrets_in_logs.fail_if_found(tmp_path_factory.getbasetemp(), Path(os.environ["TIDEMARK_STATE"]))


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    """No test sees the settings that another one read."""
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which are not in the repository."""
    folder = Path(SHARED_DATA or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}: TIDEMARK_SHARED_DATA names another folder")
    return folder


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A replica set with a login; gives the settings that reach it, root password included."""
    config = local_settings(tmp_path_factory.mktemp("mongo"))
    with running("mongo", config):
        yield config
        # Whoever asked, in whatever process: Spark's connector, a job, the storefront.
        with profiling.as_root(config) as client:
            mongo_features.fail_if_not_listed(mongo_features.counted(client))


@pytest.fixture
def mongo_db(mongo_server: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A database and a user of the test's own; `settings()`, here and in processes started from here, means them.

    `tidemark.storage.mongo.connect()` then gives the database, empty. At the end of the test, no write to it may have been one
    that a sharded MongoDB could not send to one shard.
    """
    name = f"test_{uuid.uuid4().hex[:12]}"
    config = mongo_server.model_copy(update={"mongo_database": name, "mongo_user": name})
    mongo.ensure_user(config)
    use(config, "mongo_", monkeypatch)
    with profiling.as_root(mongo_server) as client:
        profiling.watch(client[name])
        yield config
        try:
            profiling.require_routable(client[name])
        finally:
            client.drop_database(name)
            client.admin.command("dropUser", name)


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker with a login and the platform's topics; gives the settings that reach it."""
    config = local_settings(tmp_path_factory.mktemp("kafka"))
    with running("kafka", config):
        yield config


@pytest.fixture
def kafka_env(kafka_server: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """`settings()`, here and in processes started from here, means the broker of `kafka_server`."""
    use(kafka_server, "kafka_", monkeypatch)
    return kafka_server


@pytest.fixture(scope="session")
def spark() -> "Iterator[SparkSession]":
    """One Spark session for all tests, with the connectors' jars; it compiles as short jobs do, for little is done twice."""
    from tidemark.spark.session import session, submit_conf

    settings.cache_clear()
    own = {"spark.master": "local[2]", "spark.sql.shuffle.partitions": "2"}
    spark = session("tests", **submit_conf(short=True) | own)
    yield spark
    spark.stop()


@pytest.fixture(scope="session")
def load_spark(spark: "SparkSession") -> "SparkSession":
    """The session of the tests with the settings of a load."""
    from tidemark.reviews import load

    for key, value in load.SESSION.items():
        spark.conf.set(key, value)
    return spark


@pytest.fixture(scope="session")
def source_spark(spark: "SparkSession") -> "SparkSession":
    """The session of the tests with the settings of a load of any team's files."""
    from tidemark.sources import reading

    for key, value in reading.OPTIONS.items():
        spark.conf.set(key, value)
    return spark


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick tests first, the whole platform last."""
    order = ["unit", "dags", "spark", "integration", "e2e", "cluster"]

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(item.config.rootpath / "tests").parts[0]
        return order.index(folder) if folder in order else 0

    items.sort(key=rank)
