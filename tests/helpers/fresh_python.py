"""A Python in which nothing has been imported yet."""

from __future__ import annotations

import os
import subprocess
import sys


def python(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script, which must succeed within a minute."""
    command = [sys.executable, "-c", script, *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=60)
