"""Servers and small clusters of Spark and Sail on loopback: each gives its `sc://` URL and ends with its block."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

HOST = "127.0.0.1"
# To compile for a long run takes longer than the tests do; the room for code would shrink to a fifth with that.
JIT_FOR_SHORT_RUNS = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
STARTS_WITHIN_SECONDS = 120


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(command: Sequence[str], log: Path, ready: Callable[[str], bool], **environment: str) -> Iterator[None]:
    """A program in a process group of its own, once it is ready by its log, until the end of the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env={**os.environ, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        while not ready(log.read_text(errors="replace")):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command} did not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def listens(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex((HOST, port)) == 0


@contextmanager
def sail_server(folder: Path, *, cluster: bool = False) -> Iterator[str]:
    """A Sail server; as a cluster its driver and workers talk to each other over loopback."""
    port = free_port()
    mode = "local-cluster" if cluster else "local"
    command = [str(Path(sys.executable).with_name("sail")), "spark", "server", "--ip", HOST, "--port", str(port)]
    with running(command, folder / "sail.log", lambda log: listens(port), SAIL_MODE=mode, RUST_LOG="info"):
        yield f"sc://{HOST}:{port}"


@contextmanager
def spark_connect(home: Path, folder: Path, master: str = "local[2]") -> Iterator[str]:
    """A Spark Connect server, whose class and jar the wheel of pyspark carries, on a master."""
    port = free_port()
    settings = {
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.executor.memory": "1g",
        "spark.executor.cores": "1",
        "spark.executor.extraJavaOptions": JIT_FOR_SHORT_RUNS,
        "spark.driver.extraJavaOptions": JIT_FOR_SHORT_RUNS,
        "spark.sql.warehouse.dir": str(folder / "spark-warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
    }
    command = [
        str(home / "bin" / "spark-submit"),
        *("--master", master, "--driver-memory", "2g"),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
        *(word for name, value in settings.items() for word in ("--conf", f"{name}={value}")),
        "spark-internal",
    ]
    with running(
        command,
        folder / "connect.log",
        lambda log: "Spark Connect server started" in log,
        **_spark_environment(home, folder),
    ):
        yield f"sc://{HOST}:{port}"


@contextmanager
def spark_cluster(home: Path, folder: Path, workers: int = 2) -> Iterator[str]:
    """Spark's standalone master and worker processes, and a Connect server that gives them its work."""
    port = free_port()
    master = f"spark://{HOST}:{port}"
    start = str(home / "bin" / "spark-class")
    place = ("--host", HOST, "--webui-port", "0")
    environment = _spark_environment(home, folder)
    with ExitStack() as stack:
        command = [start, "org.apache.spark.deploy.master.Master", *place, "--port", str(port)]
        log = folder / "master.log"
        stack.enter_context(running(command, log, lambda log: "New state: ALIVE" in log, **environment))
        for number in range(workers):
            size = ("--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"worker-{number}"))
            command = [start, "org.apache.spark.deploy.worker.Worker", *place, *size, master]
            log = folder / f"worker-{number}.log"
            stack.enter_context(running(command, log, lambda log: "Successfully registered" in log, **environment))
        yield stack.enter_context(spark_connect(home, folder, master))


def _spark_environment(home: Path, folder: Path) -> dict[str, str]:
    return {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / "spark-local"),
        "SPARK_LOG_DIR": str(folder),
    }
