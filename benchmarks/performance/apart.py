"""One measurement in a fresh process, which nothing before it has warmed up or filled with memory."""

import json
import os
import resource
import subprocess
import sys

LONGEST = 1800  # seconds


def measured(module, *arguments):
    """What `main` of a module of this package finds in a process of its own: a dict."""
    code = f"import sys, json; from benchmarks.performance.{module} import main; main(*sys.argv[1:])"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONGEST, env=env)
    return json.loads(done.stdout.splitlines()[-1])


def answer(**found):
    """Hands what was found to the process that asked."""
    print(json.dumps(found))


def resident_mebibytes():
    """Memory that this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_mebibytes():
    """Memory that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def limit_memory(mebibytes):
    """Has the system refuse this process more data than that beside what it has."""
    with open("/proc/self/statm") as file:
        data = int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    limit = data + mebibytes * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
