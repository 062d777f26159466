"""How people do it without this project: each function is a side of the benchmark.

`notebook_build` and `json_loop` follow the vendor's notebook of 2024: every image decoded, encoded again, and kept in
a list until the end; every answer parsed in a loop into a DataFrame.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

IMPORTS = {"notebook_build": ["PIL.Image"], "json_loop": ["pandas"], "dlt_rows": ["dlt"]}
PROMPT = "List every item of this receipt as a JSON object with name, price and classification."


def notebook_build(folder: str, target: str) -> dict[str, Any]:
    """Images to a request file: decode, re-encode, base64, json.dumps, a list, a join."""
    from PIL import Image

    requests = []
    for number, path in enumerate(sorted(Path(folder).rglob("*.jpg"))):
        buffer = io.BytesIO()
        Image.open(path).convert("RGB").save(buffer, format="JPEG")
        url = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("utf-8")
        content = [{"type": "text", "text": PROMPT}, {"type": "image_url", "image_url": url}]
        body = {
            "max_tokens": 4096,
            "messages": [{"role": "user", "content": content}],
            "response_format": {"type": "json_object"},
        }
        requests.append({"custom_id": str(number), "body": body})
    text = "\n".join(json.dumps(request) for request in requests)
    return {"images": len(requests), "bytes": Path(target).write_text(text, encoding="utf-8")}


def json_loop(path: str) -> dict[str, Any]:
    """Output lines to a DataFrame of items, by json.loads in a loop."""
    import pandas as pd

    lines, rows = 0, list[dict[str, Any]]()
    for line in Path(path).read_text(encoding="utf-8").split("\n"):
        if not line:
            continue
        lines += 1
        answer = json.loads(line)
        content = json.loads(answer["response"]["body"]["choices"][0]["message"]["content"])
        rows.extend({"custom_id": answer["custom_id"], **item} for item in content["items"])
    frame = pd.DataFrame(rows)
    return {"lines": lines, "items": len(frame)}


def dlt_rows(path: str, directory: str) -> dict[str, Any]:
    """Output lines into DuckDB by dlt, each line a dict."""
    import dlt

    @dlt.resource(name="batch_output")
    def lines() -> Any:
        with Path(path).open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                yield {"file_id": "file", "line_number": number, "line": line.rstrip("\n")}

    pipeline = dlt.pipeline(
        "receipts",
        pipelines_dir=directory,
        destination=dlt.destinations.duckdb(str(Path(directory) / "dlt.duckdb")),
        dataset_name="raw",
    )
    pipeline.run(lines())
    with pipeline.sql_client() as client:
        ((count,),) = client.execute_sql("select count(*) from batch_output") or [(0,)]
    return {"lines": count}
