"""What the figures were taken on."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path


def described() -> dict[str, object]:
    """Processor, load and versions."""
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "nginx": _nginx(),
        **{name: version(name) for name in ("canary", "mitmproxy", "aiohttp", "sqlalchemy")},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _nginx() -> str | None:
    if shutil.which("nginx") is None:
        return None
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
    return said.strip().rpartition("/")[2]
