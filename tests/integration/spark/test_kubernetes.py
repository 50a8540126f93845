"""Spark on Kubernetes: what spark-submit asks of a cluster, by the properties and pod templates of the chart.

No cluster is needed: the API server's place is taken by one that says yes, and keeps what it was asked for. It costs a JVM's
start, so it runs with TIDEMARK_FULL=1 alone.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tests.support import chart
from tidemark.settings import Settings
from tidemark.spark import session

pytestmark = pytest.mark.skipif(not os.environ.get("TIDEMARK_FULL"), reason="TIDEMARK_FULL=1: a JVM's start")


class ApiServer(ThreadingHTTPServer):
    """Says yes to whatever is to be made; `made` is kind -> what."""

    def __init__(self) -> None:
        self.made: dict[str, list[dict[str, Any]]] = {}
        super().__init__(("127.0.0.1", 0), _Answer)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.made.setdefault(asked["kind"], []).append(json.loads(json.dumps(asked)))
        asked["metadata"] |= {"uid": "1", "namespace": chart.NAMESPACE}
        told = json.dumps(asked).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_PATCH = do_POST  # noqa: N815 -- so named by the base class

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    with ApiServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_driver_that_is_asked_for_is_as_safe_as_the_charts_pods(api_server, tmp_path, monkeypatch):
    maps = {one["metadata"]["name"]: one["data"] for one in chart.golden("operators") if one["kind"] == "ConfigMap"}
    for name, text in maps["tidemark-spark"].items():
        (tmp_path / name).write_text(text)
    jobs = maps["tidemark-jobs"]
    own = jobs["TIDEMARK_SPARK_CONF"].replace("/opt/tidemark-spark", str(tmp_path))
    config = Settings(_env_file=None, spark_master=jobs["TIDEMARK_SPARK_MASTER"], spark_conf=own, state=tmp_path)
    monkeypatch.setattr(session, "settings", lambda: config)
    conf = session.submit_conf() | {"spark.kubernetes.submission.waitAppCompletion": "false"}
    conf |= {"spark.kubernetes.namespace": chart.NAMESPACE}
    job = session.local_to_pods(Path("/opt/tidemark/spark_jobs/train.py"), config)
    programs = Path(sys.executable).parent
    path = f"{programs}:{os.environ['PATH']}"
    done = subprocess.run(
        [
            programs / "spark-submit",
            *(
                "--master",
                f"k8s://http://127.0.0.1:{api_server.server_port}",
                "--deploy-mode",
                "cluster",
                "--name",
                "train",
            ),
            *(word for name, value in conf.items() for word in ("--conf", f"{name}={value}")),
            *("--driver-memory", "3g", job, "--run", "somewhere"),
        ],
        env=os.environ | {"PATH": path, "SPARK_LOCAL_DIRS": jobs["SPARK_LOCAL_DIRS"], "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    ((pod,), (service,)) = api_server.made["Pod"], api_server.made["Service"]
    for one in (pod, service, *api_server.made["ConfigMap"]):
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)

    template = chart.pods(chart.golden("operators"))["spark-driver"]
    (container,), (meant,) = pod["spec"]["containers"], template["spec"]["containers"]
    assert pod["spec"]["securityContext"] == template["spec"]["securityContext"]
    assert container["securityContext"] == meant["securityContext"]
    assert container["envFrom"] == meant["envFrom"]
    assert pod["metadata"]["labels"].items() >= template["metadata"]["labels"].items(), (
        "no policy would let executors in"
    )
    assert pod["spec"]["serviceAccountName"] == "tidemark-spark"
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "4300Mi"}, "3 GB, and 40 % beside for Python"
    assert container["args"][0] == "driver"
    assert container["args"][-3:] == ["local:///opt/tidemark/spark_jobs/train.py", "--run", "somewhere"]
    assert "command" not in container, "the image's own start reads these"
    written = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert written >= {"/opt/airflow", "/opt/tidemark/spark-work", "/opt/tidemark/state/artifacts"}
    assert {port["containerPort"] for port in container["ports"]} >= {7078, 7079}
