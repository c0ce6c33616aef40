"""One system at one work, in a process of its own: a number of steps on a line in, steps per second out.

python -m benchmarks.performance.worker SYSTEM WORK BATCH_SIZE
"""

import importlib
import os
import sys
import time

from benchmarks.performance.works import WORKS


def main(system, work, batch_size):
    """Answers lines until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    advance = importlib.import_module(f"benchmarks.performance.systems.{system}").make(WORKS[work], int(batch_size))
    print("ready", file=answers)
    for line in sys.stdin:
        started = time.perf_counter()
        done = advance(int(line)) or int(line)
        print(done / (time.perf_counter() - started), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
