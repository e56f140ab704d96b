"""driver.py ADDRESS: for every line "N SECONDS" on standard input runs N tasks
of one GPU each, and says when they were submitted and when they were done."""

import sys
import time

import ray

ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)


@ray.remote(num_gpus=1, num_cpus=1)
def work(seconds):
    time.sleep(seconds)


print("ready", flush=True)
for line in sys.stdin:
    n, seconds = line.split()
    begin = time.time()
    refs = [work.remote(float(seconds)) for _ in range(int(n))]
    ray.get(refs)
    print("done", begin, time.time(), flush=True)
