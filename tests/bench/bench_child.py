"""Run one function in a process of its own, and say what it used: `bench_child module:function {arguments}`."""

import importlib
import json
import sys
import time
from pathlib import Path


def _peak_mb() -> float:
    """Read this process's own high-water mark; getrusage would count the parent's memory at the fork."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc/self/status")


def main(name: str, arguments: str) -> None:
    """Import, take the base, run, report as one line of JSON."""
    module, function = name.split(":")
    run = getattr(importlib.import_module(module), function)
    base, cpu, wall = _peak_mb(), time.process_time(), time.perf_counter()
    result = run(**json.loads(arguments))
    usage = {
        "peak_mb": _peak_mb(),
        "base_mb": base,
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "result": result,
    }
    sys.stdout.write(json.dumps(usage) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
