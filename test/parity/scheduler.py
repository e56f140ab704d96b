"""Answers planning cases with the scheduler of Ray's autoscaler v2, from the wheel.

One case a line on standard input, one answer a line on standard output, in the form of
`rayburst plan` but without launchNow. A case in which Ray raises is answered {"error": …}.

With --exact the same code of Ray computes with fractions instead of binary floating point.
What it answers differently then is due to rounding and to nothing else.
"""

import collections
import json
import logging
import os
import sys
from fractions import Fraction
from types import SimpleNamespace

# Ray may print; the answers keep standard output for themselves.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import ray.autoscaler.v2.scheduler as scheduler
import ray.autoscaler.v2.utils as utils
from ray.autoscaler.v2.instance_manager.config import NodeTypeConfig
from ray.autoscaler.v2.schema import AutoscalerInstance
from ray.core.generated import autoscaler_pb2 as messages
from ray.core.generated.common_pb2 import LabelSelector, LabelSelectorOperator
from ray.core.generated.instance_manager_pb2 import Instance, NodeKind, TerminationRequest

NO_LIMIT = 10**9
number = float
REASONS = {
    TerminationRequest.Cause.OUTDATED: "outdated",
    TerminationRequest.Cause.MAX_NUM_NODE_PER_TYPE: "max-workers-of-type",
    TerminationRequest.Cause.MAX_NUM_NODES: "max-workers",
    TerminationRequest.Cause.IDLE: "idle",
}
STATUSES = {"running": Instance.RAY_RUNNING, "joining": Instance.QUEUED, "draining": Instance.RAY_STOPPING}
CONSTRAINTS = {"STRICT_PACK": "affinity", "STRICT_SPREAD": "anti_affinity"}


class ExactRequest:
    """Stands in for the message ResourceRequest, whose amounts are doubles."""

    def __init__(self):
        self.resources_bundle = {}
        self.placement_constraints = []
        self.label_selectors = []

    def SerializeToString(self, deterministic):
        parts = [m.SerializeToString(deterministic=True) for m in (*self.placement_constraints, *self.label_selectors)]
        return repr((sorted(self.resources_bundle.items()), parts)).encode()

    def __deepcopy__(self, memo):
        return self


def compute_exactly():
    global messages, number
    number = Fraction
    scheduler.float = lambda x=0: x  # the mean utilization is made a float
    utils.ResourceRequest = ExactRequest  # made anew for STRICT_PACK
    messages = SimpleNamespace(
        ResourceRequest=ExactRequest,
        ResourceRequestByCount=SimpleNamespace,
        GangResourceRequest=SimpleNamespace,
        ClusterResourceConstraint=SimpleNamespace,
        NodeState=SimpleNamespace,
        PlacementConstraint=messages.PlacementConstraint,
    )


def given(d, name, default):
    value = d.get(name)
    return default if value is None else value


def amounts(d):
    return {name: number(amount) for name, amount in d.items()}


def without_zeros(d):
    return {name: amount for name, amount in amounts(d).items() if amount}


def optional(value, convert):
    return None if value is None else convert(value)


def parse_selector(labels):
    selector = LabelSelector()
    for label, text in sorted(labels.items()):
        operator = LabelSelectorOperator.LABEL_OPERATOR_IN
        if text.startswith("!"):
            operator, text = LabelSelectorOperator.LABEL_OPERATOR_NOT_IN, text[1:]
        values = [text]
        if text.startswith("in(") and text.endswith(")"):
            # Raylets keep the values as a set.
            values = sorted({v.strip() for v in text[len("in(") : -1].split(",")})
        selector.label_constraints.add(label_key=label, operator=operator, label_values=values)
    return selector


def resource_request(shape, constraint=None, gang=""):
    r = messages.ResourceRequest()
    for name, amount in without_zeros(given(shape, "resources", {})).items():
        r.resources_bundle[name] = amount
    selector = given(shape, "labelSelector", {})
    for s in [selector, *given(shape, "fallback", [])] if selector else []:
        r.label_selectors.append(parse_selector(s))
    if constraint:
        label = {"label_name": "_PG_" + gang, "label_value": ""}
        r.placement_constraints.append(messages.PlacementConstraint(**{constraint: label}))
    return r


def count(shape):
    return int(given(shape, "count", 1))


def counted(shapes):
    return [messages.ResourceRequestByCount(request=resource_request(s), count=count(s)) for s in shapes if count(s)]


def gang_name(gang, i):
    return given(gang, "name", f"gang-{i}")


def gang_request(gang, i):
    name, constraint = gang_name(gang, i), CONSTRAINTS.get(given(gang, "strategy", "PACK"))
    bundles = [resource_request(b, constraint, name) for b in gang["bundles"] for _ in range(count(b))]
    return messages.GangResourceRequest(details=name, requests=bundles, bundle_selectors=[])


def node_type_config(t, cluster_maximum, head_type):
    maximum = int(given(t, "maxWorkers", cluster_maximum))
    return NodeTypeConfig(
        name=t["name"],
        min_worker_nodes=int(given(t, "minWorkers", 0)),
        max_worker_nodes=maximum + (t["name"] == head_type),
        idle_timeout_s=optional(t.get("idleTimeoutSeconds"), number),
        priority=int(given(t, "priority", 0)),
        resources=without_zeros(given(t, "resources", {})),
        labels=given(t, "labels", {}),
    )


def ray_node(n, node_type):
    total = without_zeros(given(n, "total", given(node_type, "resources", {})))
    return messages.NodeState(
        total_resources=total,
        available_resources=amounts(given(n, "available", total)),
        labels=given(n, "labels", given(node_type, "labels", {})),
        dynamic_labels={"_PG_" + g: "" for g in given(n, "gangs", [])},
        idle_duration_ms=min(int(given(n, "idleSeconds", 0) * 1000), 2**62),
    )


def instance(n, types):
    status = given(n, "status", "running")
    kind = NodeKind.HEAD if given(n, "head", False) else NodeKind.WORKER
    i = Instance(instance_id=n["id"], instance_type=n["type"], node_kind=kind, status=STATUSES[status])
    if status != "running":
        return AutoscalerInstance(im_instance=i, cloud_instance_id=n["id"])
    i.node_id = n["id"]
    return AutoscalerInstance(ray_node=ray_node(n, types.get(n["type"], {})), im_instance=i, cloud_instance_id=n["id"])


def scheduling_request(case):
    types = {t["name"]: t for t in case["nodeTypes"]}
    nodes, demand = given(case, "nodes", []), given(case, "demand", {})
    head = next((n["type"] for n in nodes if given(n, "head", False) and n.get("status") != "draining"), None)
    maximum = optional(case.get("maxWorkers"), int)
    constraint = counted(given(demand, "constraints", []))
    return scheduler.SchedulingRequest(
        disable_launch_config_check=False,
        node_type_configs={name: node_type_config(t, maximum or NO_LIMIT, head) for name, t in types.items()},
        max_num_nodes=optional(maximum, lambda m: m + (head is not None)),
        idle_timeout_s=optional(case.get("idleTimeoutSeconds"), number),
        resource_requests=counted(given(demand, "tasks", [])),
        gang_resource_requests=[gang_request(g, i) for i, g in enumerate(given(demand, "gangs", []))],
        cluster_resource_constraints=[messages.ClusterResourceConstraint(resource_requests=constraint)] if constraint else [],
        current_instances=[instance(n, types) for n in nodes],
        cloud_resource_availabilities=availabilities(types, "cloudAvailability"),
        recoverable_resource_availabilities=availabilities(types, "recoveredAvailability"),
    )


def availabilities(types, name):
    return {t: float(c[name]) for t, c in types.items() if c.get(name) is not None}


def waiting(requests, shapes):
    """The entries of the case that these (request, count) are, equal ones added together."""
    left = collections.Counter()
    for request, n in requests:
        left[request.SerializeToString(deterministic=True)] += n
    out = []
    for s in shapes:
        n = left.pop(resource_request(s).SerializeToString(deterministic=True), 0) if count(s) else 0
        if n:
            out.append(written(s, n))
    assert not left, "Ray answers with a request that it was not asked"
    return out


def written(shape, n):
    out = {"resources": {k: float(v) for k, v in given(shape, "resources", {}).items() if v}, "count": n}
    for name in ("labelSelector", "fallback"):
        if shape.get(name):
            out[name] = shape[name]
    return out


def answer(case):
    scheduler.AUTOSCALER_CONSERVE_GPU_NODES = int(given(case, "conserveGpuNodes", True))
    demand = given(case, "demand", {})
    reply = scheduler.ResourceDemandScheduler().schedule(scheduling_request(case))
    failed = {g.details for g in reply.infeasible_gang_resource_requests}
    constraints = given(demand, "constraints", [])
    return {
        "launch": {launch.instance_type: launch.count for launch in reply.to_launch},
        "terminate": sorted(
            ({"id": t.instance_id, "reason": REASONS[t.cause]} for t in reply.to_terminate), key=lambda t: t["id"]
        ),
        "infeasible": {
            "tasks": waiting([(r, 1) for r in reply.infeasible_resource_requests], given(demand, "tasks", [])),
            "gangs": [name for i, g in enumerate(given(demand, "gangs", [])) if (name := gang_name(g, i)) in failed],
            "constraints": [
                written(s, count(s)) for s in constraints if reply.infeasible_cluster_resource_constraints and count(s)
            ],
        },
    }


def main():
    logging.disable(logging.CRITICAL)
    if "--exact" in sys.argv[1:]:
        compute_exactly()
    for line in sys.stdin:
        try:
            out = answer(json.loads(line, parse_float=Fraction))
        except Exception as e:
            out = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(out), file=answers, flush=True)


main()
