"""What the server of forks has imported and worked out before it makes the first: see forked.py."""

from __future__ import annotations

import importlib

from mistralai.client import Mistral
from PIL import Image

from loader.warehouse import verdicts

for name in (
    "httpcore2._backends.sync",
    "httpcore2._sync",
    "loader.cli",
    "loader.requests.estimate",
    "loader.sources.open_source",
    "loader.warehouse.lines",
    "mistralai.client.models",
    "PIL.features",
    "PIL.ImageOps",
    "stringprep",
    "tests.helpers.loader_process",
    "truststore",
):
    importlib.import_module(name)

client = Mistral(api_key="none")
assert client.batch.jobs and client.files  # they are imported when they are asked for
Image.init()
verdicts.prepare()
