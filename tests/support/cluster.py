"""docker-compose.yaml, run: a Docker daemon of its own, images of the tags that it names, and containers to look into."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support import cluster_probe
from tests.support.waiting import eventually
from tidemark.local import dotenv, mongo, ports
from tidemark.local.airflow_client import AirflowApi
from tidemark.settings import ROOT, Settings

FOLDER = ROOT / ".cluster"
"""The daemon's data, images among it: the second run starts with them."""
OFFLINE = ROOT / "deploy/offline"
DOCKER = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"
PROJECT = "tidemark-cluster"
NEEDED = {"dockerd": "docker.io iptables", "docker-compose": "docker-compose", "debootstrap": "debootstrap"}

Document = dict[str, Any]


def missing() -> str:
    """What this machine lacks to run containers, in one line; empty where it has all."""
    if os.geteuid():
        return "containers are run by root: sudo make test-cluster"
    lacks = [packages for command, packages in NEEDED.items() if shutil.which(command) is None]
    return f"apt-get install --no-install-recommends {' '.join(lacks)}" if lacks else ""


def mongod_version() -> str:
    """Of the MongoDB that tests run on: 8.0, which the compose file names, is in no package."""
    said = subprocess.run([mongo.binary(), "--version"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"v([0-9.]+)", said)[0]


@contextmanager
def daemon() -> Iterator[str]:
    """A Docker daemon for the length of a block; gives its socket."""
    subprocess.run([OFFLINE / "daemon.sh", "start", FOLDER], check=True)
    try:
        yield str(FOLDER / "docker.sock")
    finally:
        subprocess.run([OFFLINE / "daemon.sh", "stop", FOLDER], check=True)


class Cluster:
    """The services of the compose file.

    Args:
        socket: of the daemon.
        folder: for the environment file.
        files: of the compose project.
        more: settings of its own.
    """

    def __init__(self, socket: str, folder: Path, files: Sequence[str] = ("docker-compose.yaml",), **more: Any) -> None:
        self._files = files
        self._host, self.env_file, self._secrets = f"unix://{socket}", folder / "env", folder / "secrets"
        subprocess.run([ROOT / "deploy/docker/certificates.sh", self._secrets], check=True)
        given = {
            "cluster_secrets": self._secrets,
            "airflow_port": ports.free_port(),
            "shop_port": ports.free_port(),
        } | more
        self.env_file.write_text("".join(f"{dotenv.variable(name)}={value}\n" for name, value in given.items()))
        self._authority = ""

    @property
    def config(self) -> Settings:
        """The settings that the environment file and the secrets hold."""
        given: Document = {"_env_file": self.env_file, "_secrets_dir": self._secrets}
        return Settings(**given)

    @property
    def shop(self) -> httpx.Client:
        """A client of the storefront, over TLS."""
        return httpx.Client(
            base_url=f"https://localhost:{self.config.shop_port}", verify=self._trust(), trust_env=False
        )

    def airflow(self) -> AirflowApi:
        """A signed-in client of Airflow's API, over TLS."""
        return AirflowApi(self.config, f"https://localhost:{self.config.airflow_port}", self._trust())

    def _trust(self) -> ssl.SSLContext:
        """That believes the authority which the proxy made for itself, and no other."""
        if not self._authority:
            path = "/data/caddy/pki/authorities/local/root.crt"
            self._authority = self.docker("exec", self.inspected("proxy")[0]["Id"], "cat", path)
        return ssl.create_default_context(cadata=self._authority)

    def docker(self, *arguments: str, timeout: float = 120) -> str:
        """Run `docker <arguments>`; gives what it said."""
        argv = [DOCKER, "--host", self._host, *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout)
        assert done.returncode == 0, f"docker {' '.join(arguments)[:300]}: {done.stdout[-2_000:]}{done.stderr[-2_000:]}"
        return done.stdout

    def _fails(self, *arguments: str) -> bool:
        return (
            subprocess.run([DOCKER, "--host", self._host, *arguments], capture_output=True, check=False).returncode != 0
        )

    def compose(self, *arguments: str, timeout: float = 900) -> str:
        """Run `docker-compose <arguments>`; gives what it said."""
        argv = ["docker-compose", "--project-name", PROJECT, "--env-file", str(self.env_file)]
        argv += [word for name in self._files for word in ("--file", str(ROOT / name))] + [*arguments]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMARK_")}
        environment = plain | {"DOCKER_HOST": self._host}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=timeout)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout[-3_000:]}{done.stderr[-3_000:]}"
        return done.stdout

    def images(self) -> None:
        """Have an image of each tag that the file names: pulled, or made from packages; the platform's own by its Dockerfile."""
        named = self.config.cluster_mongo_image
        if all(self._fails(*asked, named) for asked in (("image", "inspect"), ("pull", "--quiet"))):
            with self.env_file.open("a") as given:
                given.write(f"{dotenv.variable('cluster_mongo_image')}=mongo:{mongod_version()}\n")
        file = yaml.safe_load(self.compose("config"))
        tags = {name: service["image"] for name, service in file["services"].items()}
        others = sorted({tag for name, tag in tags.items() if "build" not in file["services"][name]})
        argv = [
            sys.executable,
            str(OFFLINE / "images.py"),
            str(FOLDER / "docker.sock"),
            str(FOLDER / "images"),
            *others,
        ]
        subprocess.run(argv, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, check=True)
        own = tags["airflow-scheduler"]
        dockerfile = ROOT / "deploy/docker/Dockerfile"
        self.docker("build", "--network", "host", "--tag", own, "--file", str(dockerfile), str(ROOT), timeout=1_800)

    def up(self, *options: str) -> None:
        """Start every service, and wait until each that runs long is well."""
        self.compose("up", "--detach", *options)
        self.well()

    def well(self, timeout: float = 300) -> None:
        """Wait until every container that runs long is well."""
        eventually(lambda: not self.unwell(), timeout, lambda: f"not well: {self.unwell()}", every=2)

    def unwell(self) -> dict[str, str]:
        """Name of each container that runs long and is not well -> what its health check said last."""
        found = {}
        for one in self.inspected():
            if one["HostConfig"]["RestartPolicy"]["Name"] != "unless-stopped":
                continue
            health = one["State"].get("Health", {})
            if health.get("Status") != "healthy":
                said = (health.get("Log") or [{}])[-1].get("Output", "")
                found[one["Name"].lstrip("/")] = f"{one['State']['Status']}, {health.get('Status')}: {said[-300:]}"
        return found

    def inspected(self, service: str = "") -> list[Document]:
        """What Docker knows of the containers of `service`, of all where none is named, those that have ended too."""
        ids = self.compose("ps", "--quiet", "--all", *([service] if service else [])).split()
        return list(json.loads(self.docker("inspect", *ids))) if ids else []

    def running(self) -> list[Document]:
        """What Docker knows of the containers that run."""
        return [one for one in self.inspected() if one["State"]["Running"]]

    def ask(self, service: str, question: str, *arguments: object, number: int = 1, timeout: float = 300) -> Any:
        """The answer to a question of `cluster_probe`, asked within a container of the service."""
        argv = [DOCKER, "--host", self._host, "exec", "--interactive", self.inspected(service)[number - 1]["Id"]]
        argv += ["python", "-", question, *map(str, arguments)]
        code = Path(cluster_probe.__file__).read_text(encoding="utf-8")
        done = subprocess.run(argv, input=code, capture_output=True, text=True, check=False, timeout=timeout)
        assert done.returncode == 0, f"{service}, {question}: {done.stdout[-1_000:]}{done.stderr[-2_000:]}"
        return json.loads(done.stdout.splitlines()[-1])

    @contextmanager
    def asking(self, question: str, *arguments: object) -> "Iterator[Callable[[], Any]]":
        """A question that takes long, asked in a container of its own; the block is given what ends it and gives the answer."""
        name = f"{PROJECT}-probe"
        argv = [
            "run",
            "--rm",
            "-T",
            "--no-deps",
            "--name",
            name,
            "--volume",
            f"{ROOT / 'tests/support'}:/probe:ro",
            "ingest",
        ]
        with ThreadPoolExecutor(1) as aside:
            told = aside.submit(
                self.compose, *argv, "python", "/probe/cluster_probe.py", question, *map(str, arguments), timeout=3_600
            )

            def end() -> Any:
                self.docker("exec", name, "touch", "/tmp/stop")  # noqa: S108 -- the container's own
                return json.loads(told.result(300).splitlines()[-1])

            try:
                yield end
            finally:
                if not told.done():
                    self.docker("rm", "--force", name)

    def kill(self, service: str, number: int = 1) -> None:
        """Kill a container's first process from outside, as a machine that fails does; Docker brings it back."""
        self.kill_container(self.inspected(service)[number - 1])

    @staticmethod
    def kill_container(one: Document) -> None:
        """Kill the container that `inspected` told of."""
        os.kill(one["State"]["Pid"], signal.SIGKILL)

    def processes(self, service: str, number: int = 1) -> list[int]:
        """The pids, on this machine, of a container's processes."""
        told = self.docker("top", self.inspected(service)[number - 1]["Id"], "-eo", "pid")
        return [int(line) for line in told.split()[1:]]

    def run(self, dag_id: str, conf: Document, timeout: float = 900) -> str:
        """Have a DAG run, and wait for its end; gives the run's id."""
        with self.airflow() as api:
            run_id = api.trigger(dag_id, conf)
        self.succeeds(dag_id, run_id, timeout)
        return run_id

    def succeeds(self, dag_id: str, run_id: str, timeout: float = 900) -> None:
        """Wait until a run has ended, and fail with what its failed tasks said unless it succeeded."""

        def ended() -> str:
            with self.airflow() as api:
                state = str(api.run(dag_id, run_id)["state"])
            return state if state in ("success", "failed") else ""

        if eventually(ended, timeout, f"{dag_id} has not ended", every=2) == "success":
            return
        with self.airflow() as api:
            failed = [task for task in api.tasks(dag_id, run_id) if task["state"] == "failed"]
            raise AssertionError("\n".join(f"{t['task_id']}: {api.log(dag_id, run_id, t)[-40:]}" for t in failed))
