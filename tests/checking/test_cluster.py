"""``converter check --dask``: real worker processes, one of them killed; files that are sent and files that are not."""

import gc
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

distributed = pytest.importorskip("distributed", reason="Dask is not installed")

from converter.checking import cluster  # noqa: E402
from converter.checking.process import Options  # noqa: E402
from converter.checking.selection import find_checks  # noqa: E402
from tests.checking.cases import broken, spec  # noqa: E402
from tests.checking.test_command import check, statuses  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def local():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, env={"PYTHONPATH": str(ROOT)}) as found:
        yield found


@pytest.fixture
def client(local):
    with distributed.Client(local, set_as_default=False) as found:
        found.wait_for_workers(2, timeout=60)
        yield found


def make(client, checks, **options):
    options = {"options": Options(), "stop": threading.Event()} | options
    return cluster.run_on_cluster(client, checks, **options)


def test_no_result_is_lost_when_a_worker_is_killed(client, tmp_path):
    paths = [spec(tmp_path, f"{number}", more=f"seeds = [{number}]") for number in range(6)]
    found, victim = [], None
    for one, result in make(client, find_checks(paths)):
        found.append((one.path, result.path, result.status))
        if victim is None:
            victim, busy = next((address, keys) for address, keys in client.processing().items() if keys)
            os.kill(client.run(os.getpid, workers=[victim])[victim], signal.SIGKILL)
    assert busy and sorted(found) == [(str(path), str(path), "equal") for path in paths]
    client.wait_for_workers(2, timeout=60)
    assert victim not in client.nthreads()


@pytest.mark.parametrize("ends", ["no worker", "no scheduler"])
def test_the_end_of_the_cluster_is_a_result(tmp_path, monkeypatch, ends):
    monkeypatch.setattr(cluster, "_PATIENCE", 1.0 if ends == "no worker" else 600.0)
    paths = [spec(tmp_path, f"{number}") for number in range(4)]
    options = {"n_workers": 0, "processes": False, "dashboard_address": ":0", "protocol": "tcp"}
    client_options = {"set_as_default": False, "timeout": 1}
    with distributed.LocalCluster(**options) as own, distributed.Client(own.scheduler_address, **client_options) as client:
        if ends == "no scheduler":
            threading.Timer(1, own.close).start()
        found = list(make(client, find_checks(paths)))
    assert sorted(check.path for check, _ in found) == sorted(map(str, paths))
    assert {result.status for _, result in found} == {"crashed"} and "no worker" in found[0][1].problems[0]


def test_the_command_writes_the_same_reports(local, tmp_path):
    paths = [spec(tmp_path, "good"), spec(tmp_path, "wrong", more="tolerence = 1"), broken(tmp_path / "out", "1 / 0")]
    results = tmp_path / "results.json"
    code, out, _ = check(*paths, "--dask", local.scheduler_address, "--json", results, "--junit", tmp_path / "results.xml")
    assert code == 2 and statuses(results) == {"good.toml": "equal", "wrong.toml": "refused", "out": "not equal"}
    assert "ZeroDivisionError" in results.read_text() and "ZeroDivisionError" in out
    (good,) = [row for row in json.loads(results.read_text())["results"] if row["status"] == "equal"]
    assert good["path"] == str(paths[0]) and good["source"] == str(tmp_path / "model.onnx")


def test_files_that_workers_do_not_see_are_sent(client, tmp_path, monkeypatch):
    # What the worker gets has no path that exists: it can only use what came with the check.
    jobs = []
    monkeypatch.setattr(cluster, "_submit", lambda client, job: jobs.append(job) or client.submit(lambda: None))
    (one,) = find_checks([spec(tmp_path / "specs", model="deep model.onnx")])
    list(make(client, [one]))
    (job,) = jobs
    for file in (one.place, one.source):
        file.unlink()
    assert cluster._check_here(job).status == "equal"


def test_larger_files_must_be_the_same_there(client, tmp_path):
    (one,) = find_checks([spec(tmp_path)])
    ((_, result),) = make(client, [one], send_limit=100)
    assert result.status == "equal"
    job = cluster._job("run", one, Options(), 100)
    assert job.sent is None
    one.source.write_bytes(one.source.read_bytes() + b"\0")
    result = cluster._check_here(job)
    assert result.status == "refused" and "is another file on a worker" in result.problems[0]
    one.source.unlink()
    assert "is not there on a worker" in cluster._check_here(job).problems[0]


def test_workers_of_another_version_refuse(tmp_path, monkeypatch):
    (one,) = find_checks([spec(tmp_path)])
    job = cluster._job("run", one, Options(), 10**6)
    monkeypatch.setattr(cluster, "packages", lambda: "others")
    assert "other versions" in cluster._check_here(job).problems[0]


def test_no_file_is_written_outside_the_worker_s_folder(tmp_path):
    (one,) = find_checks([spec(tmp_path)])
    job = cluster._job("run", one, Options(), 10**6)
    job.sent["source/../../escaped"] = b"x"
    assert "outside" in cluster._check_here(job).problems[0]


def test_stopping_ends_the_checks_on_the_workers(client, tmp_path):
    slow, stop = broken(tmp_path / "slow", "import time; time.sleep(600)"), threading.Event()
    threading.Timer(3, stop.set).start()
    ((_, result),) = make(client, find_checks([slow]), stop=stop)
    assert result.status == "not run"
    assert client.submit(lambda: 1, pure=False).result(timeout=20) == 1
    assert set(map(tuple, client.processing().values())) <= {()}


def test_no_scheduler_is_an_error_for_people(tmp_path, monkeypatch):
    distributed_client = distributed.Client
    monkeypatch.setattr(
        distributed, "Client", lambda address, timeout, **rest: distributed_client(address, timeout=0.5, **rest)
    )
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        start = time.monotonic()
        code, _, err = check(spec(tmp_path), "--dask", address)
        gc.collect()
        assert code == 2 and f"no Dask scheduler answers at {address}" in err and time.monotonic() < start + 10
