"""40 tasks of one GPU each, and CPU tasks beside them."""

import time

import ray

ray.init(log_to_driver=False, logging_level="warning")


@ray.remote(num_gpus=1, num_cpus=1)
def train(i):
    time.sleep(0.5)
    return i


@ray.remote(num_cpus=1)
def preprocess(i):
    time.sleep(0.2)
    return i


start = time.time()
gpu = [train.remote(i) for i in range(40)]
cpu = [preprocess.remote(i) for i in range(16)]
assert sorted(ray.get(gpu)) == list(range(40))
assert sorted(ray.get(cpu)) == list(range(16))
print(f"40 GPU tasks and 16 CPU tasks done in {time.time() - start:.1f} s", flush=True)
