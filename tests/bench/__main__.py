"""`make bench`: every path of the product beside its baseline, each side in a process of its own, in one table.

`--quick` takes a tenth of the size. `--only NAME` measures one part. All data is made here and removed afterwards. The
ratios are of seconds on the clock, taken side by side, and of CPU-seconds, which move less on a busy machine; the table
says how busy it was.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from loader.requests.estimate import ESTIMATE_FROM
from tests.bench.measure import ROOT, Measure, measured
from tests.bench.table import Row, machine, show, write_json


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    photos: int = 600
    pdfs: int = 5_000
    lines: int = 1_000_000
    answers: tuple[int, ...] = (100_000, 1_000_000)
    requests: int = 10_000
    reader_seconds: float = 0.005
    tiny: int = 200_000
    window: int = 50_000
    folder: int = 1_000_000
    known: int = 100_000
    read: int = 24


QUICK = Sizes(
    photos=200,
    pdfs=500,
    lines=100_000,
    answers=(100_000,),
    requests=2_000,
    reader_seconds=0.01,
    tiny=20_000,
    window=5_000,
    folder=100_000,
    known=10_000,
    read=6,
)


REQUEST_BYTES = 750_000  # of a photograph as it is, about


@dataclass
class Bench:
    """A run of the benchmark: its sizes, where it works, and what it has found."""

    sizes: Sizes
    folder: Path
    rows: list[Row] = field(default_factory=list)
    measures: dict[str, Any] = field(default_factory=dict)

    def side(self, name: str, function: str, *arguments: Any, touches: int = 0) -> Measure:
        """Measure one side in a process of its own; `touches` as in `measured`."""
        measure = measured(function, *arguments, touches=touches)
        self.measures[name] = asdict(measure)
        print(
            f"  {name}: {measure.seconds:.2f} s, {measure.cpu_seconds:.2f} CPU-s, {measure.peak_mb:.0f} MB", flush=True
        )
        return measure

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """An empty folder for the length of a block."""
        directory = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            yield directory
        finally:
            shutil.rmtree(directory)

    def at_full_size(self, is_reached: bool) -> bool | None:
        """The verdict on a bar that is set for the full size: of less, starting decides, or one receipt."""
        return is_reached if self.sizes == Sizes() else None

    def add(self, path: str, product: str, against: str, ratio: str, bar: str, is_reached: bool | None) -> None:
        """A row of the table."""
        self.rows.append(Row(path, product, against, ratio, bar, is_reached))


def _times(slow: Measure, fast: Measure) -> str:
    return f"{slow.seconds / fast.seconds:.1f} x (CPU {slow.cpu_seconds / fast.cpu_seconds:.1f} x)"


def build(bench: Bench) -> None:
    """Request shards from photographs, as they are and shrunk, beside the notebook's way."""
    count = bench.sizes.photos
    size = count * REQUEST_BYTES
    with bench.directory() as data:
        measured("data:write_photos", data / "photos", 4 * count)
        few = data / "few"
        few.mkdir()
        for path in sorted((data / "photos").iterdir())[:count]:
            (few / path.name).hardlink_to(path)
        held = 2 * size  # its list, and the text made of it
        target = data / "requests.jsonl"
        notebook = bench.side("notebook's build", "baselines:notebook_build", few, target, touches=held)
        as_is = _built(bench, "build, as is", few, "readable")
        shrunk = _built(bench, "build, shrunk", few, "1540")
        many = _built(bench, "build, as is, four times as many", data / "photos", "readable")
    growth = f"{many.peak_mb:.0f} MB at {4 * count:,} ({many.peak_mb / as_is.peak_mb - 1:+.0%})"
    for name, side, peak_mb, memory, ratio_wanted, memory_wanted in (
        ("as is", as_is, many.peak_mb, growth, 30, 150),
        ("shrunk", shrunk, shrunk.peak_mb, f"{shrunk.peak_mb:.0f} MB", 1.6, 250),
    ):
        bench.add(
            f"shards from {count:,} photographs, {name}",
            f"{count / side.seconds:,.0f} images/s, {memory}",
            f"notebook: {count / notebook.seconds:,.0f} images/s, {notebook.peak_mb:,.0f} MB",
            _times(notebook, side),
            f"{ratio_wanted} x, {memory_wanted} MB",
            notebook.seconds / side.seconds >= ratio_wanted and peak_mb <= memory_wanted,
        )


def pdfs(bench: Bench) -> None:
    """Request shards from PDFs, a page each: rendered, the memory of the renderers counted."""
    count = bench.sizes.pdfs
    with bench.directory() as data:
        measured("data:write_pdfs", data / "pdfs", count)
        few = data / "few"
        few.mkdir()
        for path in sorted((data / "pdfs").iterdir())[: count // 4]:
            (few / path.name).hardlink_to(path)
        fourth = _built(bench, "build, a fourth of the PDFs", few, "readable")
        whole = _built(bench, "build, PDFs", data / "pdfs", "readable")
    held, before = (side.peak_mb + side.result["renderers_mb"] for side in (whole, fourth))
    bench.add(
        f"shards from {count:,} PDFs",
        f"{count / whole.seconds:,.0f} pages/s, {held:.0f} MB with the renderers",
        f"the same, {count // 4:,} PDFs",
        f"{held / before - 1:+.0%} memory",
        "+10 %, 600 MB",
        held <= 600 and bench.at_full_size(held <= 1.1 * before) is not False,
    )


def _built(bench: Bench, name: str, folder: Path, images: str) -> Measure:
    with bench.directory() as directory:
        measured("product:prepare", directory)
        size = len(list(folder.iterdir())) * REQUEST_BYTES
        return bench.side(name, "product:build", folder, directory, images, touches=size)


def again(bench: Bench) -> None:
    """A second load over a folder that is known, beside one that reads every byte (`--rehash`)."""
    count = bench.sizes.known
    with bench.directory() as data, bench.directory() as directory:
        measured("data:write_tiny", data / "tiny", count)
        measured("product:prepare", directory)
        bench.side("the first load", "product:build", data / "tiny", directory, "original")
        rehash = bench.side("again, reading all", "product:build", data / "tiny", directory, "original", True)
        known = bench.side("again", "product:build", data / "tiny", directory, "original")
    if not count == known.result["known"] == rehash.result["known"]:
        raise SystemExit("error: receipts were asked twice")
    bench.add(
        f"a second load of {count:,} known files",
        f"{known.seconds:.1f} s, {known.result['bytes_read'] / 1e6:.0f} MB read, {known.peak_mb:.0f} MB",
        f"`--rehash`: {rehash.seconds:.1f} s, {rehash.result['bytes_read'] / 1e6:.0f} MB read",
        _times(rehash, known),
        "seconds",
        bench.at_full_size(known.seconds < 10),
    )


def land(bench: Bench) -> None:
    """Output lines into raw.batch_output, beside dlt and the notebook's loop."""
    count = bench.sizes.lines
    with bench.directory() as data:
        measured("data:write_output", data / "lines.jsonl", 0, count)
        loop = bench.side("json loop", "baselines:json_loop", data / "lines.jsonl")
        dlt = bench.side("dlt, dict rows", "baselines:dlt_rows", data / "lines.jsonl", data)
        ours = _landed(bench, "landing", data / "lines.jsonl")
        with (data / "three.jsonl").open("wb") as three:
            for _ in range(3):
                with (data / "lines.jsonl").open("rb") as one:
                    shutil.copyfileobj(one, three, 1 << 20)
        thrice = _landed(bench, "landing three times as many", data / "three.jsonl")
    path = f"landing {count:,} lines"
    speed = f"{count / ours.seconds:,.0f} lines/s, {ours.peak_mb:.0f} MB"
    for name, side, wanted in (("dlt", dlt, 20), ("json loop", loop, 2.5)):
        ratio = side.seconds / ours.seconds
        beside = f"{name}: {count / side.seconds:,.0f} lines/s, {side.peak_mb:,.0f} MB"
        bench.add(path, speed, beside, _times(side, ours), f"{wanted} x", bench.at_full_size(ratio >= wanted))
    growth = thrice.peak_mb / ours.peak_mb - 1  # with less to land DuckDB has not yet taken the memory it may
    is_flat = thrice.peak_mb < 700 and bench.at_full_size(growth <= 0.1) is not False
    bench.add(
        f"landing {3 * count:,} lines",
        f"{3 * count / thrice.seconds:,.0f} lines/s, {thrice.peak_mb:.0f} MB",
        f"the same, {count:,} lines",
        f"{growth:+.0%} memory",
        "+10 %, 700 MB",
        is_flat,
    )


def _landed(bench: Bench, name: str, path: Path) -> Measure:
    with bench.directory() as directory:
        measured("product:prepare", directory)
        return bench.side(name, "product:land", path, directory)


def dbt(bench: Bench) -> None:
    """`dbt build` over landed answers beside pandas and beside DuckDB alone; a first build; a second `make`."""
    for count in bench.sizes.answers:
        _dbt_beside_pandas(bench, count)
    with bench.directory() as directory:
        first = bench.side("first build of twelve receipts", "product_dbt:first_build", directory).result
    (ours, ours_cpu), (ten, ten_cpu) = first["build"], first["ten_models"]
    bench.add(
        "the first `dbt build` of twelve receipts",
        f"{ours:.1f} s with all tests",
        f"`dbt build` of ten tables, no tests: {ten:.1f} s",
        f"{ours / ten:.1f} x as long (CPU {ours_cpu / ten_cpu:.1f} x)",
        "1.5 x",
        ours <= 1.5 * ten,
    )
    with bench.directory() as directory:
        second = bench.side("a second make", "product_dbt:second_make", directory).result
    bench.add(
        "a second `make`, nothing new",
        f"{second['make']:.1f} s",
        f"`import dbt.cli.main`: {second['import']:.1f} s",
        f"{second['make'] / second['import']:.1f} x",
        "2 x",
        second["make"] <= 2 * second["import"],
    )


def _dbt_beside_pandas(bench: Bench, count: int) -> None:
    with bench.directory() as directory:
        measured("product_dbt:fill", directory, 0, count)
        pandas = bench.side(f"pandas, {count:,}", "baseline_pandas:marts", directory / "warehouse.duckdb", directory)
        measured("product_dbt:parse", directory)  # once, as for every build but the first, which has a row of its own
        full = bench.side(f"dbt build, {count:,}", "product_dbt:build", directory)
        spend = measured("product_dbt:spend", directory).result
        if {key: float(value) for key, value in spend.items()} != {
            key: float(value) for key, value in pandas.result.items()
        }:
            raise SystemExit("error: dbt's and pandas' spend differ, so that their times say nothing")
        floor = bench.side(f"the selects alone, {count:,}", "product_dbt:floor", directory)
    is_most = count == max(bench.sizes.answers)
    ratio = pandas.seconds / full.seconds
    memory = f"{full.peak_mb:,.0f} MB"
    wanted = 2.5 if is_most else 1.0
    bench.add(
        f"dbt build, {count:,} answers",
        f"{full.seconds:.1f} s with all tests ({full.result['model_seconds']:.1f} s of models), {memory}",
        f"pandas: {pandas.seconds:.1f} s, {pandas.peak_mb:,.0f} MB",
        f"{_times(pandas, full)}",
        f"{wanted} x, 1 GB",
        bench.at_full_size(ratio >= wanted and full.peak_mb < 1000),
    )
    bench.add(
        f"dbt build, {count:,} answers",
        f"{full.seconds:.1f} s",
        f"the same selects by DuckDB alone: {floor.seconds:.1f} s",
        f"{full.seconds / floor.seconds:.1f} x as long",
        "1.5 x",
        bench.at_full_size(full.seconds <= 1.5 * floor.seconds),
    )


def load(bench: Bench) -> None:
    """Whole loads against the embedded server: overhead beside the API's time, and waves of tiny receipts."""
    from tests.bench.servers import instant_server

    sizes = bench.sizes
    with bench.directory() as data:
        measured("data:write_tiny", data / "tiny", sizes.requests)
        with instant_server(data / "state", sizes.reader_seconds) as server, bench.directory() as directory:
            measured("product:prepare", directory)
            side = bench.side("load", "product:load", data / "tiny", directory, server.url, server.token, 10**6, 10**5)
        api, after = side.result["api_seconds"], side.result["after_the_api_seconds"]
        bench.add(
            f"make load, {sizes.requests:,} requests",
            f"{after:.2f} s after the API has ended",
            f"API: {api:.1f} s",
            f"{after / api:.1%}",
            "5 %",
            bench.at_full_size(after / api < 0.05),
        )
    with bench.directory() as data:
        measured("data:write_tiny", data / "tiny", sizes.tiny)
        with instant_server(data / "state", 0) as server, bench.directory() as directory:
            measured("product:prepare", directory)
            window = sizes.window
            arguments = (data / "tiny", directory, server.url, server.token, window, window // 5)
            side = bench.side("load in waves", "product:load", *arguments)
            status = bench.side("loader status", "product:best_of_five", ["status"], directory / "warehouse.duckdb")
    held = list(side.result["held_mb"].values())
    is_flat = held[-1] <= 1.1 * held[1] and side.peak_mb < 600  # in the first quarter nothing has been landed yet
    is_bounded = side.result["disk_mb"] < 100
    bench.add(
        f"{sizes.tiny:,} tiny receipts, {window:,} at once",
        f"{side.result['jobs']} jobs, {side.result['lines'] / side.seconds:,.0f} requests/s, {side.peak_mb:.0f} MB",
        f"memory at each quarter: {', '.join(f'{mb:.0f}' for mb in held)} MB",
        f"{side.result['disk_mb']:.0f} MB of disk at most",
        "flat, 600 MB; disk 100 MB",
        is_flat and is_bounded and side.result["lines"] == sizes.tiny,
    )
    _start_row(bench, "loader status", status)


def _start_row(bench: Bench, name: str, side: Measure) -> None:
    seconds = side.result["seconds"]
    bench.add(f"`{name}`", f"{seconds:.2f} s, best of five", "", "", "0.4 s", seconds < 0.4)


def dry_run(bench: Bench) -> None:
    """A large folder estimated without sending anything, and the start of the program."""
    count = bench.sizes.folder
    with bench.directory() as data:
        measured("data:write_tiny", data / "tiny", count)
        side = bench.side("dry run", "product:dry_run", data / "tiny", data)
        start = bench.side("loader --help", "product:best_of_five", ["--help"], data / "none.duckdb")
    _start_row(bench, "loader --help", start)
    bench.add(
        f"dry run over {count:,} files",
        f"{side.seconds:.1f} s, {side.peak_mb:.0f} MB",
        f"estimated from its first {ESTIMATE_FROM}",
        f"{side.result['waves']} waves, {side.result['days']} days, {side.result['bytes'] / 1e9:.1f} GB",
        "seconds",
        side.seconds < 10,
    )


def read(bench: Bench) -> None:
    """The embedded reader with one worker and with two."""
    from tests.bench.servers import reading_server

    count = bench.sizes.read
    seconds = {}
    with bench.directory() as data:
        measured("data:write_samples", data / "warm", 4, 1)  # so many that each worker has loaded its models
        measured("data:write_samples", data / "samples", count, 2)
        for workers in (1, 2):
            with reading_server(data / f"state-{workers}", workers) as server:
                for folder in ("warm", "samples"):
                    with bench.directory() as directory:
                        measured("product:prepare", directory)
                        arguments = (data / folder, directory, server.url, server.token, 10**6, 10**5)
                        side = bench.side(f"reading {folder}, {workers} workers", "product:load", *arguments)
            seconds[workers] = side.result["api_seconds"]
    ratio = seconds[1] / seconds[2]
    bench.add(
        f"embedded reader, {count} receipts",
        f"2 workers: {count / seconds[2]:.2f} receipts/s",
        f"1 worker: {count / seconds[1]:.2f} receipts/s",
        f"{ratio:.2f} x",
        "1.7 x",
        bench.at_full_size(ratio >= 1.7),
    )


PARTS: dict[str, Callable[[Bench], None]] = {
    part.__name__: part for part in (build, again, pdfs, land, dbt, load, dry_run, read)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="How fast and how flat.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be given several times")
    parser.add_argument("--json", type=Path, default=ROOT / "data" / "bench.json", help="where the figures go")
    arguments = parser.parse_args()
    folder = ROOT / "data" / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    bench = Bench(QUICK if arguments.quick else Sizes(), folder)
    print(f"working in {folder}, which is removed afterwards; {machine()}", flush=True)
    failed = False
    try:
        for name in arguments.only or PARTS:
            print(f"{name}:", flush=True)
            failed |= not _is_done(bench, name)
            write_json(arguments.json, bench.rows, bench.measures, arguments.quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(bench.rows, [f"figures: {arguments.json}"])
    if failed:
        sys.exit(1)


def _is_done(bench: Bench, name: str) -> bool:
    """Measure a part. One that fails is a row of the table, and the others are measured all the same."""
    started = time.perf_counter()
    try:
        PARTS[name](bench)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        bench.add(name, f"failed: {error}", "", "", "", False)
        return False
    print(f"  {name} took {time.perf_counter() - started:.0f} s in all", flush=True)
    return True


if __name__ == "__main__":
    main()
