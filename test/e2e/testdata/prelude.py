# What every driver begins with; the tests' own Python follows.
import os, sys, time
import ray
from ray.util.placement_group import placement_group, remove_placement_group

ray.init(address="auto", log_to_driver=False, namespace="e2e", logging_level="ERROR")


def say(*words):
    print(*words, flush=True)


def pause():
    sys.stdin.readline()


def pod():
    return os.environ["RAY_CLOUD_INSTANCE_ID"]


@ray.remote(num_cpus=1, max_retries=0)
def task(seconds):
    time.sleep(seconds)
    return pod()


@ray.remote
class Actor:
    def pod(self):
        return pod()
