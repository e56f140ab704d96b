"""The drivers of the scenarios: driver.py NAME [ARGS…]. They say what they did
on standard output, and wait for a line on standard input where a test must
look at the cluster meanwhile."""

import os
import sys
import time

import ray
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

ray.init(logging_level="warning", log_to_driver=False)


def say(*words):
    print(*words, flush=True)


def pause():
    sys.stdin.readline()


@ray.remote
class Holder:
    def ping(self):
        return ray.get_runtime_context().get_node_id()


@ray.remote
def task(seconds=0.3):
    time.sleep(seconds)
    return ray.get_runtime_context().get_node_id()


def actors_one_by_one():
    names = [f"detached-{i}" for i in range(2)]
    for name in names:
        a = Holder.options(name=name, lifetime="detached", num_cpus=1).remote()
        say("up", ray.get(a.ping.remote()))
        pause()
    for name in names:
        ray.kill(ray.get_actor(name))
        say("down")
        pause()


def tasks(n, seconds, cpus, gpus, resource=""):
    kind = task.options(num_cpus=float(cpus), num_gpus=float(gpus), resources={resource: 1} if resource else {})
    nodes = ray.get([kind.remote(float(seconds)) for _ in range(int(n))])
    say("nodes", len(set(nodes)))


def actors(n, seconds, cpus, gpus):
    kind = Holder.options(num_cpus=float(cpus), num_gpus=float(gpus))
    held = [kind.remote() for _ in range(int(n))]
    nodes = ray.get([a.ping.remote() for a in held])
    time.sleep(float(seconds))
    say("nodes", len(set(nodes)))


def rounds():
    for line in sys.stdin:
        kind, n = line.split()
        globals()[kind](n, 0.2, 1, 0)


def labels():
    def zone_of(**options):
        node = ray.get(task.options(num_cpus=1, resources={"zoned": 1}, **options).remote())
        return next(n["Labels"].get("zone") for n in ray.nodes() if n["NodeID"] == node)

    say("zone", zone_of(label_selector={"zone": "west"}))
    say("fallback", zone_of(label_selector={"zone": "north"}, fallback_strategy=[{"label_selector": {"zone": "!west"}}]))


def group(strategy, n, cpus):
    pg = placement_group([{"CPU": float(cpus)}] * int(n), strategy=strategy)
    ray.get(pg.ready(), timeout=90)
    place = PlacementGroupSchedulingStrategy(placement_group=pg)
    where = [
        ray.get(task.options(num_cpus=float(cpus), scheduling_strategy=PlacementGroupSchedulingStrategy(pg, i)).remote())
        for i in range(int(n))
    ]
    say("nodes", len(set(where)))
    remove_placement_group(pg)


def request(cpus):
    from ray.autoscaler.sdk import request_resources

    request_resources(bundles=[{"CPU": 1}] * int(cpus))
    say("requested")
    pause()
    request_resources(bundles=[])
    say("released")
    pause()


def bound(n):
    held = [Holder.options(num_cpus=1).remote() for _ in range(int(n))]
    say("asked")
    ray.get([a.ping.remote() for a in held])
    say("all")
    pause()


def retry(path):
    @ray.remote(num_cpus=1, max_retries=5)
    def work():
        with open(path, "a") as f:
            f.write(ray.get_runtime_context().get_node_id() + "\n")
        time.sleep(4)
        return ray.get_runtime_context().get_node_id()

    ref = work.remote()
    say("asked")
    say("done", ray.get(ref))


def hold(cpus):
    a = Holder.options(num_cpus=float(cpus)).remote()
    say("node", ray.get(a.ping.remote()))
    pause()
    say("alive", ray.get(a.ping.remote()))


def infeasible():
    refs = [task.options(num_cpus=64).remote(), task.options(num_cpus=1, num_gpus=1).remote(6)]
    say("asked")
    pause()
    del refs


globals()[sys.argv[1]](*sys.argv[2:])
