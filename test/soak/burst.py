"""Bursts of tasks of random lengths for a given time, without retries: every
attempt that is lost is an error here."""

import random
import sys
import time

import ray

seconds, seed = float(sys.argv[1]), int(sys.argv[2])
ray.init(logging_level="error", log_to_driver=False)
random.seed(seed)


@ray.remote(num_cpus=1, max_retries=0)
def work(length):
    begin = time.time()
    while time.time() - begin < length:
        time.sleep(0.02)
    return ray.get_runtime_context().get_node_id()


end = time.time() + seconds
attempts = lost = 0
nodes = set()
while time.time() < end:
    refs = [work.remote(random.choice([0.01, 0.1, 0.5, 1.5, 4])) for _ in range(random.randint(1, 12))]
    attempts += len(refs)
    for ref in refs:
        try:
            nodes.add(ray.get(ref))
        except Exception as e:
            lost += 1
            print("lost", time.time(), repr(e)[:2000], file=sys.stderr, flush=True)
    time.sleep(random.choice([0, 0.5, 1, 1.5, 2, 3]))
print("attempts", attempts, "lost", lost, "nodes", len(nodes), flush=True)
