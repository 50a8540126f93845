"""The Helm chart as Kubernetes gets it: rendered by helm where helm is, and kept as golden files for where it is not.

The golden files are of what the chart says by itself: what it takes whole from elsewhere in the clone (`files/`, links) is
named in them, and not repeated, so that nobody needs helm to change an alert.
"""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tidemark.settings import ROOT

HELM = ROOT / "deploy" / "helm"
CHART = HELM / "tidemark"
GOLDEN = ROOT / "tests" / "unit" / "deployment" / "chart"
VALUES = ("minimal", "operators", "managed")
NAMESPACE = "shop"
KUBERNETES = "1.37.0"
HOW_TO_GET_IT = (
    "helm is not installed. With Go: go install helm.sh/helm/v3/cmd/helm@v3.22.0 (5 CPU-minutes); or https://helm.sh/docs/intro/install. "
    "The golden files below tests/unit/deployment/chart are tested all the same"
)

Document = dict[str, Any]


def helm() -> str | None:
    """The program, or None."""
    return shutil.which("helm")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """helm with `arguments`."""
    program = helm()
    assert program, HOW_TO_GET_IT
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def values(name: str) -> Path:
    """The file of a value set."""
    return HELM / f"values-{name}.yaml"


def render(name: str, *more: str, chart: Path = CHART) -> list[Document]:
    """Every object that the chart makes of a value set."""
    arguments = ["--namespace", NAMESPACE, "--kube-version", KUBERNETES, "--values", str(values(name)), *more]
    done = run("template", "tidemark", str(chart), *arguments)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def linked() -> dict[str, str]:
    """What the chart takes from elsewhere in the clone: path -> text."""
    return {
        str(file.resolve().relative_to(ROOT)): file.read_text(encoding="utf-8")
        for file in sorted((CHART / "files").iterdir())
    }


def _without_linked(value: Any, texts: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _without_linked(one, texts) for key, one in value.items() if key != "checksum/caddyfile"}
    if isinstance(value, list):
        return [_without_linked(one, texts) for one in value]
    if isinstance(value, str):
        for path, text in texts.items():
            lines = [line for line in text.splitlines() if line.strip()]
            if lines and set(lines) <= set(value.splitlines()):
                rest = [line for line in value.splitlines() if line.strip() and line not in lines]
                return "\n".join([f"<{path}>", *rest])
    return value


def own(objects: list[Document]) -> list[Document]:
    """`objects` with what is of `linked` named by its path, and not repeated."""
    texts = linked()
    kept = _without_linked(objects, texts)
    for one in kept:
        if one["kind"] == "PrometheusRule":
            (path,) = (path for path in texts if path.endswith(".yaml") and yaml.safe_load(texts[path]) == one["spec"])
            one["spec"] = f"<{path}>"
    return sorted(kept, key=lambda one: (one["kind"], one["metadata"]["name"]))


def digest() -> str:
    """SHA-256 of the chart and the value sets, but for what is linked."""
    files = [file for file in sorted(CHART.rglob("*")) if file.is_file() and not file.is_symlink()]
    found = hashlib.sha256()
    for file in [*files, *map(values, VALUES)]:
        found.update(f"{file.relative_to(HELM)}\n".encode() + file.read_bytes())
    return found.hexdigest()


def write_golden(name: str, objects: list[Document]) -> None:
    """Keep what was rendered, and of which chart."""
    GOLDEN.mkdir(exist_ok=True)
    body = yaml.safe_dump_all(own(objects), sort_keys=True, width=120, default_flow_style=None)
    (GOLDEN / f"{name}.yaml").write_text(f"# of the chart {digest()}\n{body}", encoding="utf-8")


def golden(name: str) -> list[Document]:
    """What was rendered when the golden file was written."""
    return list(yaml.safe_load_all((GOLDEN / f"{name}.yaml").read_text(encoding="utf-8")))


def golden_digest(name: str) -> str:
    """Of which chart that was."""
    first = (GOLDEN / f"{name}.yaml").read_text(encoding="utf-8").partition("\n")[0]
    return re.sub("^# of the chart ", "", first)


def pods(objects: list[Document]) -> dict[str, Document]:
    """Every pod template: component -> {"metadata": ..., "spec": ...}; Spark's as `spark-driver`, `spark-executor`."""
    found = {}
    for one in objects:
        if one["kind"] in ("Deployment", "Job"):
            template = one["spec"]["template"]
            found[template["metadata"]["labels"]["app.kubernetes.io/component"]] = template
        if one["kind"] == "ConfigMap" and "driver.yaml" in one["data"]:
            found |= {f"spark-{kind}": yaml.safe_load(one["data"][f"{kind}.yaml"]) for kind in ("driver", "executor")}
    return found


def environment(pod: Document, objects: list[Document]) -> dict[str, str]:
    """The variables that the one container of a pod gets, those of its ConfigMaps included."""
    maps = {one["metadata"]["name"]: one["data"] for one in objects if one["kind"] == "ConfigMap"}
    (container,) = pod["spec"]["containers"]
    given: dict[str, str] = {}
    for source in container.get("envFrom", []):
        given |= maps[source["configMapRef"]["name"]]
    return given | {one["name"]: one["value"] for one in container.get("env", [])}
