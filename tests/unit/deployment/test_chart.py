"""The Helm chart: valid, safe, and in step with docker-compose.yaml.

Meant to be changed? `python -m pytest tests/unit/deployment/test_chart.py --update-golden` (helm is needed), and read the diff.
"""

import functools
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from kubernetes_validate import utils
from pydantic import SecretStr

from tests.support import chart
from tidemark import __version__
from tidemark.settings import ROOT, Settings
from tidemark.stream import kafka_setup

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DEFAULTS: dict[str, Any] = yaml.safe_load((chart.CHART / "values.yaml").read_text(encoding="utf-8"))
AIRFLOW: dict[str, Any] = yaml.safe_load((chart.HELM / "airflow-values.yaml").read_text(encoding="utf-8"))
OBJECTS = {name: chart.golden(name) for name in chart.VALUES}
PODS = [pytest.param(name, pod, id=f"{name}-{pod}") for name in chart.VALUES for pod in chart.pods(OBJECTS[name])]
OURS = ("ingest", "storefront", "live", "engagement", "proxy")
"""Services of docker-compose.yaml that the chart has."""
OF_OPERATORS = {"kafka.strimzi.io/v1", "mongodbcommunity.mongodb.com/v1", "monitoring.coreos.com/v1"}
"""Kinds that Kubernetes has no schema of."""
OF_AIRFLOW_ALONE = re.compile("AIRFLOW__.*|PGPASSFILE|FORWARDED_ALLOW_IPS|TIDEMARK_AIRFLOW_USER")
"""Variables that the ingest has in docker-compose.yaml and no use for."""
OF_A_STORE = {"TIDEMARK_ARTIFACTS", "TIDEMARK_LANDING"}
"""Variables that a cluster has besides, where artifacts are in an object store and not on a volume."""


@pytest.fixture(scope="module")
def helm() -> None:
    if chart.helm() is None:
        pytest.skip(chart.HOW_TO_GET_IT)


@pytest.fixture(scope="module")
def schemas():
    """Each schema read once, and not for each object: they are large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", functools.cache(utils.schema_contents))
        yield


# --- What was rendered is what the chart renders


@pytest.mark.parametrize("name", chart.VALUES)
def test_the_chart_renders_as_its_golden_file_says(helm, name, request):
    objects = chart.render(name)
    if request.config.getoption("--update-golden"):
        chart.write_golden(name, objects)
    assert chart.own(objects) == chart.golden(name), "not as the golden file says: --update-golden writes it anew"


def test_the_golden_files_are_of_this_chart():
    for name in chart.VALUES:
        assert chart.golden_digest(name) == chart.digest(), "the chart was changed: --update-golden renders it anew"


def test_helm_finds_no_fault_in_the_chart(helm):
    for name in chart.VALUES:
        done = chart.run(
            "lint",
            "--strict",
            str(chart.CHART),
            "--kube-version",
            chart.KUBERNETES,
            "--values",
            str(chart.values(name)),
        )
        assert done.returncode == 0, done.stdout


def test_what_is_linked_reaches_kubernetes_whole_also_in_a_package(helm, tmp_path):
    assert chart.run("package", str(chart.CHART), "--destination", str(tmp_path)).returncode == 0
    (package,) = tmp_path.iterdir()
    objects = chart.render("operators", chart=package)
    data = {key: text for one in objects if one["kind"] == "ConfigMap" for key, text in one["data"].items()}
    texts = chart.linked()
    assert data["tidemark.json"] == texts["deploy/grafana/tidemark.json"]
    assert data["Caddyfile"] == texts["deploy/docker/caddy/Caddyfile"]
    (rule,) = (one for one in objects if one["kind"] == "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(texts["deploy/prometheus/alerts.yaml"])


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("existingSecret=", "kubectl create secret"),
        ("host=", "which name people open"),
        ("settings.platform.TIDEMARK_MONGO_HOSTS=", "mongodb.create"),
        ("settings.platform.TIDEMARK_KAFKA_BOOTSTRAP=", "kafka.create"),
    ],
)
def test_what_has_no_default_is_asked_for(helm, missing, said):
    done = chart.run(
        "template",
        "tidemark",
        str(chart.CHART),
        "--kube-version",
        chart.KUBERNETES,
        "--values",
        str(chart.values("minimal")),
        "--set",
        missing,
    )
    assert done.returncode != 0
    assert said in done.stderr


# --- One definition per fact


def test_what_is_elsewhere_in_the_clone_is_linked_and_not_repeated():
    files = list((chart.CHART / "files").iterdir())
    assert {str(file.resolve().relative_to(ROOT)) for file in files} == {
        "deploy/docker/caddy/Caddyfile",
        "deploy/grafana/tidemark.json",
        "deploy/prometheus/alerts.yaml",
    }
    assert all(file.is_symlink() and not file.readlink().is_absolute() for file in files)
    said = (chart.GOLDEN / "operators.yaml").read_text(encoding="utf-8")
    assert all(f"<{path}>" in said for path in chart.linked())


def test_versions_are_the_clones():
    about = yaml.safe_load((chart.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert about["version"] == about["appVersion"] == __version__
    assert DEFAULTS["image"]["tag"] == f"{__version__}-kubernetes"
    assert f"FROM tidemark:{__version__}\n" in (chart.HELM / "Dockerfile").read_text(encoding="utf-8")
    assert DEFAULTS["proxy"]["image"] == SERVICES["proxy"]["image"]
    line = DEFAULTS["mongodb"]["version"].rpartition(".")[
        0
    ]  # the operator wants a whole version, the image's tag is a line of them
    assert f"mongo:{line}" == Settings.model_fields["cluster_mongo_image"].default


def composed(service: str) -> dict[str, str]:
    """The environment of a service of docker-compose.yaml, with its defaults."""
    environment = SERVICES[service].get("environment", {})
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)) for name, value in environment.items()}


def test_each_service_gets_the_variables_that_docker_compose_gives_it():
    for name, objects in OBJECTS.items():
        for service in OURS:
            given = set(chart.environment(chart.pods(objects)[service], objects))
            expected = {variable for variable in composed(service) if not OF_AIRFLOW_ALONE.fullmatch(variable)}
            assert expected <= given, (name, service)
            beyond = OF_A_STORE if name == "managed" and service != "proxy" else set()
            assert given - expected == beyond, (name, service)


def test_each_setting_has_the_default_of_docker_compose():
    settings = {variable: value for group in DEFAULTS["settings"].values() for variable, value in group.items()}
    everywhere = {"TIDEMARK_MONGO_HOSTS", "TIDEMARK_KAFKA_BOOTSTRAP"}  # no default: they are asked for
    expected = composed("ingest") | composed("live")
    assert {name: settings[name] for name in settings.keys() - everywhere} == {
        name: expected[name] for name in settings.keys() - everywhere
    }


def test_each_service_is_started_as_docker_compose_starts_it():
    for name, objects in OBJECTS.items():
        pods = chart.pods(objects)
        workers = chart.environment(pods["storefront"], objects)["TIDEMARK_SHOP_WORKERS"]
        for service in set(OURS) - {"proxy"}:
            expected = [
                re.sub(r"\$\{TIDEMARK_SHOP_WORKERS:-\d+\}", workers, word) for word in SERVICES[service]["command"]
            ]
            assert pods[service]["spec"]["containers"][0]["args"] == expected, (name, service)
        assert "command" not in pods["proxy"]["spec"]["containers"][0]


def test_topics_are_made_as_docker_compose_makes_them_and_the_login_is_kafkas_owner_to_make():
    for objects in OBJECTS.values():
        python, flag, text = chart.pods(objects)["init"]["spec"]["containers"][0]["args"]
        assert (python, flag, text) == ("python", "-c", "from tidemark.stream import topics; topics.ensure()")
    *_, script = SERVICES["airflow-init"]["command"]
    assert script.endswith("python -m tidemark.stream.kafka_setup")
    assert "topics.ensure()" in Path(kafka_setup.__file__).read_text(encoding="utf-8")


def test_health_is_what_docker_compose_calls_so():
    for name, objects in OBJECTS.items():
        for service, pod in chart.pods(objects).items():
            if service not in OURS:
                continue
            check = SERVICES[service]["healthcheck"]
            command, (container,) = check["test"][1:], pod["spec"]["containers"]
            assert container["startupProbe"]["exec"]["command"] == command, (name, service)
            ready = container["readinessProbe"]
            if service == "storefront":  # a model is mapped, or there is none yet
                assert ready["httpGet"] == {"path": "/readyz", "port": 8090}
            else:
                assert ready["exec"]["command"] == command, (name, service)
            told = (f"{ready['periodSeconds']}s", f"{ready['timeoutSeconds']}s", ready["failureThreshold"])
            assert told == (check["interval"], check["timeout"], check["retries"]), (name, service)
            if service != "proxy":  # to begin anew would not help what is behind it
                assert container["livenessProbe"]["exec"]["command"] == command, (name, service)
            assert container["livenessProbe"]["periodSeconds"] * container["livenessProbe"]["failureThreshold"] > 60, (
                "a server may be away"
            )


def test_a_container_may_take_the_memory_that_docker_compose_grants():
    for service in OURS:
        granted = re.sub("i$", "", DEFAULTS[service]["resources"]["limits"]["memory"]).lower()
        assert granted == SERVICES[service]["mem_limit"], service


def test_where_it_may_write_is_where_docker_compose_lets_it():
    for name, objects in OBJECTS.items():
        for service in set(OURS) - {"ingest"}:
            (container,) = chart.pods(objects)[service]["spec"]["containers"]
            mounted = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
            tmpfs = {mount.split(":")[0] for mount in SERVICES[service]["tmpfs"]}
            kept = {"/opt/tidemark/state/packs"} if service != "proxy" else {"/data"}
            assert mounted == tmpfs | kept, (name, service)


def test_the_proxy_finds_services_of_the_names_it_asks_for():
    asked = re.findall(r"import one_of (\S+) (\d+)", chart.linked()["deploy/docker/caddy/Caddyfile"])
    for objects in OBJECTS.values():
        services = {one["metadata"]["name"]: one["spec"] for one in objects if one["kind"] == "Service"}
        for name, port in asked:
            if name != "airflow-api-server":  # that of Airflow's chart
                assert services[name]["ports"][0]["port"] == int(port)
                assert services[name]["clusterIP"] == "None", "it must see each pod"
    (config,) = (
        one for one in OBJECTS["managed"] if one["metadata"]["name"] == "tidemark-proxy" and one["kind"] == "ConfigMap"
    )
    assert config["data"]["Caddyfile"].split() == (
        ["<deploy/docker/caddy/Caddyfile>", "servers", "{", "trusted_proxies", "static", "10.0.0.0/8"]
    )


# --- Valid


@pytest.mark.parametrize("name", chart.VALUES)
def test_kubernetes_accepts_each_object(name, schemas):
    newest = kubernetes_validate.latest_version()
    assert chart.KUBERNETES.startswith(newest)
    spark = [pod for kind, pod in chart.pods(OBJECTS[name]).items() if kind.startswith("spark-")]
    for one in spark:  # Spark adds what is missing
        one = one | {"spec": one["spec"] | {"containers": [{"image": "x"} | one["spec"]["containers"][0]]}}
        kubernetes_validate.validate(one, newest, strict=True)
    for one in OBJECTS[name]:
        if one["apiVersion"] in OF_OPERATORS:
            continue
        kubernetes_validate.validate(one, newest, strict=True)
    assert len({(one["kind"], one["metadata"]["name"]) for one in OBJECTS[name]}) == len(OBJECTS[name])


def test_a_wrong_object_is_told(schemas):
    (wrong, *_) = (one for one in OBJECTS["minimal"] if one["kind"] == "Deployment")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            wrong | {"spec": wrong["spec"] | {"replica": 2}}, kubernetes_validate.latest_version(), strict=True
        )


def test_each_of_its_names_leads_to_something():
    """What a pod mounts, reads, is, and what a Service, a policy and a budget select."""
    for name, objects in OBJECTS.items():
        there = {(one["kind"], one["metadata"]["name"]) for one in objects}
        pods = chart.pods(objects)
        for pod in pods.values():
            (container,) = pod["spec"]["containers"]
            volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
            assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
            for volume in volumes.values():
                if "configMap" in volume:
                    assert ("ConfigMap", volume["configMap"]["name"]) in there
                if "persistentVolumeClaim" in volume:
                    assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in there
            account = pod["spec"].get("serviceAccountName")
            assert account is None or ("ServiceAccount", account) in there
        for one in objects:
            if one["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
                wanted = one["spec"].get("podSelector", one["spec"].get("selector"))
                wanted = wanted.get("matchLabels", wanted)
                assert any(wanted.items() <= pod["metadata"]["labels"].items() for pod in pods.values()), (
                    name,
                    one["metadata"],
                )


# --- Safe


@pytest.mark.parametrize(("name", "component"), PODS)
def test_nobody_is_root_or_becomes_more_than_they_are(name, component):
    spec = chart.pods(OBJECTS[name])[component]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == 50000
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for shared in ("hostNetwork", "hostPID", "hostIPC"):
        assert not spec.get(shared)
    for container in spec["containers"] + spec.get("initContainers", []):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert not security.get("privileged")
        assert security["capabilities"]["drop"] == ["ALL"]
        assert set(security["capabilities"].get("add", [])) <= ({"NET_BIND_SERVICE"} if component == "proxy" else set())
    assert not [volume for volume in spec["volumes"] if "hostPath" in volume]
    assert spec["automountServiceAccountToken"] is (component == "spark-driver"), "drivers alone ask Kubernetes"


@pytest.mark.parametrize(("name", "component"), PODS)
def test_each_container_says_what_it_takes(name, component):
    pod = chart.pods(OBJECTS[name])[component]
    for volume in pod["spec"]["volumes"]:
        assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], "a disk that fills ends others too"
    if component.startswith("spark-"):  # Spark says it of its pods
        given = Settings(_env_file=None, **spark_settings(name)).spark_properties  # type: ignore[arg-type]
        kind = component.removeprefix("spark-")
        assert int(given[f"spark.kubernetes.{kind}.limit.cores"]) > 0
        return
    for container in pod["spec"]["containers"]:
        for what in ("requests", "limits"):
            assert container["resources"][what].keys() >= {"cpu", "memory"}


@pytest.mark.parametrize(("name", "component"), PODS)
def test_what_runs_long_is_watched_and_may_go_one_at_a_time(name, component):
    objects = OBJECTS[name]
    pod = chart.pods(objects)[component]
    if component == "init" or component.startswith("spark-"):
        return
    for container in pod["spec"]["containers"]:
        assert container.keys() >= {"startupProbe", "livenessProbe", "readinessProbe"}
    selecting = [
        one
        for one in objects
        if one["kind"] == "PodDisruptionBudget"
        and one["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    ]
    assert [one["spec"]["maxUnavailable"] for one in selecting] == [1]


@pytest.mark.parametrize(("name", "component"), PODS)
def test_nobody_comes_in_but_by_a_policy(name, component):
    labels = chart.pods(OBJECTS[name])[component]["metadata"]["labels"]
    policies = [
        one["spec"]
        for one in OBJECTS[name]
        if one["kind"] == "NetworkPolicy" and one["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    ]
    assert any(policy["policyTypes"] == ["Ingress"] and "ingress" not in policy for policy in policies)
    allowed = {port["port"] for policy in policies for rule in policy.get("ingress", []) for port in rule["ports"]}
    listens = {"storefront": {8090}, "live": {8091}, "proxy": {8080, 8090}}
    spark = {7078, 7079} if component.startswith("spark-") else set()
    assert allowed == listens.get(component, spark)
    if component in ("storefront", "live"):
        asked_by = [peer for policy in policies for rule in policy.get("ingress", []) for peer in rule["from"]]
        proxies = [
            peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
            for peer in asked_by
            if "podSelector" in peer
        ]
        assert proxies == ["proxy"]
        monitored = component == "storefront" and name != "minimal"
        assert len(asked_by) == 1 + monitored


@pytest.mark.parametrize("name", chart.VALUES)
def test_no_secret_is_in_what_is_rendered_and_pods_read_them_as_files(name):
    objects, secret = (
        OBJECTS[name],
        {f"tidemark_{one}" for one, field in Settings.model_fields.items() if isinstance(field.default, SecretStr)},
    )
    assert not [one for one in objects if one["kind"] == "Secret"]
    for component, pod in chart.pods(objects).items():
        if component == "proxy":
            continue
        assert not {variable.lower() for variable in chart.environment(pod, objects)} & secret
        (volume,) = (one["secret"] for one in pod["spec"]["volumes"] if one["name"] == "secrets")
        assert volume["secretName"] == "tidemark"
        mounts = {
            one["mountPath"]: one["subPath"]
            for one in pod["spec"]["containers"][0]["volumeMounts"]
            if one["name"] == "secrets"
        }
        expected = SERVICES["storefront"]["secrets"]  # the jobs' others are for Airflow alone
        assert mounts == {f"/run/secrets/{key}": key for key in expected}
        assert {one["key"] for one in volume["items"]} == set(expected) <= set(COMPOSE["secrets"])


# --- Spark


def spark_settings(name: str) -> dict[str, str]:
    maps = {one["metadata"]["name"]: one["data"] for one in OBJECTS[name] if one["kind"] == "ConfigMap"}
    jobs = maps["tidemark-jobs"]
    return {"spark_master": jobs["TIDEMARK_SPARK_MASTER"], "spark_conf": jobs["TIDEMARK_SPARK_CONF"]}


@pytest.mark.parametrize("name", ["operators", "managed"])
def test_spark_is_told_of_its_pods(name):
    given = Settings(_env_file=None, **spark_settings(name))  # type: ignore[arg-type]
    assert given.spark_master == "k8s://https://kubernetes.default.svc:443"
    properties = given.spark_properties
    maps = {one["metadata"]["name"]: one["data"] for one in OBJECTS[name] if one["kind"] == "ConfigMap"}
    mounted = {one["name"]: one["mountPath"] for one in AIRFLOW["volumeMounts"]}["spark-pods"]
    for kind in ("driver", "executor"):
        folder, _, file = properties[f"spark.kubernetes.{kind}.podTemplateFile"].rpartition("/")
        assert folder == mounted
        assert file in maps["tidemark-spark"]
    assert properties["spark.authenticate"] == "true"
    account = properties["spark.kubernetes.authenticate.driver.serviceAccountName"]
    (binding,) = (one for one in OBJECTS[name] if one["kind"] == "RoleBinding")
    assert {one["name"] for one in binding["subjects"]} == {account, *DEFAULTS["spark"]["submitters"]}
    connection = yaml.safe_load(maps["tidemark-jobs"]["AIRFLOW_CONN_SPARK_DEFAULT"])
    assert f"{connection['host']}:{connection['port']}" == given.spark_master
    assert connection["extra"] == {"deploy-mode": "cluster", "namespace": chart.NAMESPACE}


def test_without_pods_of_its_own_spark_runs_within_airflows():
    assert spark_settings("minimal") == {"spark_master": "local[*]", "spark_conf": ""}
    assert not {"Role", "RoleBinding"} & {one["kind"] for one in OBJECTS["minimal"]}


# --- Airflow


PART_OF_AIRFLOW = {
    "apiServer": "airflow-api-server",
    "scheduler": "airflow-scheduler",
    "dagProcessor": "airflow-dag-processor",
    "triggerer": "airflow-triggerer",
    "migrateDatabaseJob": "airflow-init",
}
"""Key of the values -> service of docker-compose.yaml."""


@pytest.mark.parametrize(("key", "service"), PART_OF_AIRFLOW.items())
def test_airflow_gets_the_variables_that_docker_compose_gives_it(key, service):
    maps = {one["metadata"]["name"]: one["data"] for one in OBJECTS["minimal"] if one["kind"] == "ConfigMap"}
    read = {one["configMapRef"]["name"] for one in yaml.safe_load(AIRFLOW["extraEnvFrom"])}
    assert read == {"tidemark-platform", "tidemark-jobs"}
    given = {one["name"]: one["value"] for one in AIRFLOW["env"] + AIRFLOW[key].get("env", [])}
    by_chart = {"AIRFLOW__CORE__EXECUTOR"}
    assert set(given) | by_chart | {v for name in read for v in maps[name]} == set(composed(service))
    differ = {"AIRFLOW__API__BASE_URL", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}  # a name and a server of your own
    for name in given.keys() - differ:
        assert given[name] == composed(service)[name], name
    assert AIRFLOW["executor"] == composed(service)["AIRFLOW__CORE__EXECUTOR"]


@pytest.mark.parametrize(("key", "service"), PART_OF_AIRFLOW.items())
def test_airflow_reads_the_secrets_that_docker_compose_gives_it(key, service):
    mounts = AIRFLOW["volumeMounts"] + AIRFLOW[key].get("extraVolumeMounts", [])
    paths = {one["mountPath"]: one["subPath"] for one in mounts if one["name"] == "secrets"}
    expected = set(SERVICES[service]["secrets"]) - {
        "tidemark_cluster_spark_secret"
    }  # Kubernetes gives each job its own
    of_all = {"tidemark_alert_webhook", "tidemark_lineage_api_key"}  # the chart knows mounts of all, and of one besides
    assert paths == {f"/run/secrets/{name}": name for name in expected | of_all}
    told = {name for name in AIRFLOW["enableBuiltInSecretEnvVars"] if not AIRFLOW["enableBuiltInSecretEnvVars"][name]}
    commands = {one["name"].removesuffix("_CMD") for one in AIRFLOW["env"] if one["name"].endswith("_CMD")}
    assert commands <= told, "the chart's own would win over ours"


def test_airflows_image_and_first_steps_are_ours():
    assert AIRFLOW["images"]["airflow"] == {key: DEFAULTS["image"][key] for key in ("repository", "tag", "pullPolicy")}
    *_, script = SERVICES["airflow-init"]["command"]
    assert AIRFLOW["airflowVersion"] == AIRFLOW["defaultAirflowTag"] == version("apache-airflow")
    assert AIRFLOW["migrateDatabaseJob"]["args"][-1].split(" && ") == script.split(" && ")[:-1], (
        "topics are our chart's"
    )


def test_airflows_components_are_started_and_watched_as_docker_compose_does():
    names = {
        "apiServer": "api-server",
        "scheduler": "scheduler",
        "dagProcessor": "dag-processor",
        "triggerer": "triggerer",
    }
    for key, name in names.items():
        service, given = SERVICES[f"airflow-{name}"], AIRFLOW[key]
        assert given["args"] == service["command"]
        if key != "apiServer":  # its own chart asks it over HTTP
            assert given["livenessProbe"]["command"] == service["healthcheck"]["test"][1:]
        granted = re.search(r"(\d+[mg])\}?$", service["mem_limit"])
        assert granted
        assert given["resources"]["limits"]["memory"].removesuffix("i").lower() == granted[1]


def test_the_lock_of_the_image_adds_to_that_of_the_other_and_changes_nothing():
    named = re.compile(r"^([a-z0-9._-]+)==", re.MULTILINE)
    base = set(named.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")))
    added = set(named.findall((chart.HELM / "requirements.lock").read_text(encoding="utf-8")))
    assert "apache-airflow-providers-cncf-kubernetes" in added
    assert not base & added, (
        "requirements.lock has it now: make deploy/helm/requirements.lock anew (requirements.in says how)"
    )


# --- What the image starts


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Runs the image's start with programs in place of Spark's that say what they are told, a word a line."""
    for name in ("spark-submit", "java", "airflow"):
        (tmp_path / name).write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin")

    def run(*words: str, **environment: str) -> list[str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        done = subprocess.run([chart.HELM / "entrypoint.sh", *words], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    return run


def test_a_driver_is_a_spark_submit_within_its_pod(said):
    told = said("driver", "--properties-file", "p", "local:///a job.py", SPARK_DRIVER_BIND_ADDRESS="10.1.2.3")
    assert told[:3] == ["spark-submit", "--deploy-mode", "client"]
    assert "spark.driver.bindAddress=10.1.2.3" in told
    assert told[-3:] == ["--properties-file", "p", "local:///a job.py"]


def test_an_executor_is_a_java_of_the_memory_and_options_it_is_given(said):
    given = {"DRIVER_URL": "spark://d:7078", "EXECUTOR_ID": "7", "EXECUTOR_CORES": "2", "APPLICATION_ID": "a"}
    given |= {
        "EXECUTOR_POD_IP": "10.1.2.4",
        "RESOURCE_PROFILE_ID": "0",
        "EXECUTOR_POD_NAME": "e-7",
        "EXECUTOR_MEMORY": "4g",
    }
    options = [f"-Dnumber={number} of many" for number in range(11)]  # in their order, also past ten
    given |= {f"JAVA_OPT_{number}": option for number, option in enumerate(options)}
    told = said("executor", **{f"SPARK_{name}": value for name, value in given.items()})
    assert told[: 2 + len(options)] == ["java", *options, "-Xms4g"]
    start = told.index("org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend")
    rest = told[start + 1 :]
    assert dict(zip(rest[::2], rest[1::2], strict=True)) == {
        "--driver-url": "spark://d:7078",
        "--executor-id": "7",
        "--cores": "2",
        "--app-id": "a",
        "--hostname": "10.1.2.4",
        "--resourceProfileId": "0",
        "--podName": "e-7",
    }
    jars = Path(told[told.index("-cp") + 1].removesuffix("/*"))
    assert list(jars.glob("spark-kubernetes_*.jar"))


def test_anything_else_is_run_as_it_is(said):
    assert said("airflow", "scheduler") == ["airflow", "scheduler"]
