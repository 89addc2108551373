"""All benchmarks, one after the other: `python -m benchmarks` (an hour on two cores; each also runs on its own)."""

import subprocess
import sys

COMMANDS = (
    ("bench_render",),
    ("bench_prepare", "speed"),
    ("bench_prepare", "memory", "--examples", "10000", "100000"),
    ("bench_prepare", "resume"),
    ("bench_train", "--shapes", "19M", "135M"),
    ("bench_eval",),
    ("bench_contamination",),
)

if __name__ == "__main__":
    for name, *arguments in COMMANDS:
        print(f"\n{name} {' '.join(arguments)}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=True)
