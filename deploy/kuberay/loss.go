package kuberay

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Loss is something in a manifest that has no equivalent.
type Loss struct {
	Path   string // within the manifest, or the manifest's own name
	Value  string // as JSON, shortened
	Advice string // what to do
}

// String is a line for people.
func (l Loss) String() string {
	if l.Value == "" {
		return fmt.Sprintf("%s: no equivalent: %s", l.Path, l.Advice)
	}
	return fmt.Sprintf("%s: no equivalent (%s): %s", l.Path, l.Value, l.Advice)
}

const longestValue = 60

// shown is a value for people.
func shown(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	text := []rune(string(b))
	if len(text) > longestValue {
		return string(text[:longestValue]) + "…"
	}
	return string(text)
}

const unknownField = "not a field of RayCluster that is known here; left out"

// advice is what to do about fields without an equivalent, by their paths
// without indexes; group stands for headGroupSpec and workerGroupSpecs.
var advice = map[string]string{
	"metadata.labels":                                   "labels of the RayCluster itself: give pods podLabels",
	"metadata.annotations":                              "annotations of the RayCluster itself: give pods podAnnotations",
	"spec.headServiceAnnotations":                       "make a Service of your own for the pods with ray.io/node-type: head",
	"spec.historyServerOptions":                         "there is no history server",
	"spec.managedBy":                                    "leave MultiKueue's clusters on KubeRay",
	"spec.networkPolicy":                                "see networkPolicy of the chart: it bounds the head's ports",
	"spec.tlsOptions":                                   "mount certificates, and set Ray's RAY_USE_TLS and RAY_TLS_… in env",
	"spec.upgradeStrategy":                              "a changed type is rolled out by its Deployment, one pod at a time",
	"spec.authOptions.enableK8sTokenAuth":               "Ray's tokens are those of the Secret in auth.existingSecret",
	"spec.gcsFaultToleranceOptions":                     "only Redis: a head whose storage is its disk needs a volume and Ray's own variables in head.env",
	"spec.autoscalerOptions.version":                    "planning is that of Ray's v2 scheduler",
	"spec.autoscalerOptions.command":                    noAutoscaler,
	"spec.autoscalerOptions.args":                       noAutoscaler,
	"spec.autoscalerOptions.env":                        noAutoscaler,
	"spec.autoscalerOptions.envFrom":                    noAutoscaler,
	"spec.autoscalerOptions.image":                      noAutoscaler,
	"spec.autoscalerOptions.imagePullPolicy":            noAutoscaler,
	"spec.autoscalerOptions.resources":                  noAutoscaler,
	"spec.autoscalerOptions.securityContext":            noAutoscaler,
	"spec.autoscalerOptions.volumeMounts":               noAutoscaler,
	"spec.headGroupSpec.enableIngress":                  "make an Ingress for the Service NAME-head",
	"spec.headGroupSpec.ingressOptions":                 "make an Ingress for the Service NAME-head",
	"spec.headGroupSpec.headService":                    "the Service NAME-head has the ports of GCS, client, dashboard and metrics; make another for more",
	"spec.headGroupSpec.serviceType":                    "the Service NAME-head is a ClusterIP; make another of this type",
	"spec.workerGroupSpecs.scaleStrategy":               "who goes is decided here; nothing to do",
	"group.template.spec.activeDeadlineSeconds":         podLives,
	"group.template.spec.ephemeralContainers":           podLives,
	"group.template.spec.initContainers":                "do it in setupCommands, which run in Ray's container before Ray, or in the image",
	"group.template.spec.nodeName":                      podLives,
	"group.template.spec.restartPolicy":                 "Ray is started again in its container, and not once its node is drained; nothing to do",
	"group.template.spec.terminationGracePeriodSeconds": "see terminationGracePeriodSeconds and preemptSeconds of the chart",
	"group.template.spec.automountServiceAccountToken":  "no token is mounted; mount one by volumes (projected)",
	"group.template.spec.enableServiceLinks":            "it is false",
	"group.template.spec.containers.args":               "commands before Ray are startCommands (in its shell) or setupCommands",
	"group.template.spec.containers.command":            "commands before Ray are startCommands (in its shell) or setupCommands",
	"group.template.spec.containers.envFrom":            "name the variables one by one in env (valueFrom)",
	"group.template.spec.containers.lifecycle":          "preStop is the chart's: it drains the node; nothing to do for `ray stop`",
	"group.template.spec.containers.livenessProbe":      ownProbes,
	"group.template.spec.containers.readinessProbe":     ownProbes,
	"group.template.spec.containers.startupProbe":       ownProbes,
	"group.template.spec.containers.ports":              "open all the same; the Service NAME-head does not have it",
	"group.template.metadata.annotations":               "the chart's own commands are run",
	"group.template.spec.containers.resources.claims":   "resource claims are not rendered",
	"group.template.metadata.name":                      "pods are named by their Deployment",
	"group.template.metadata.namespace":                 "pods are in the release's namespace",
}

const (
	noAutoscaler = "there is no autoscaler container; nothing to do"
	podLives     = "pods live as their Deployment says"
	ownProbes    = "the agent beside Ray answers the probes; nothing to do"
)

var (
	index = regexp.MustCompile(`\[\d+\]`)
	group = regexp.MustCompile(`^spec\.(headGroupSpec|workerGroupSpecs)\.`)
)

// adviceFor is that of the field or of the nearest one around it.
func adviceFor(path string) string {
	path = index.ReplaceAllString(path, "")
	for _, p := range []string{path, group.ReplaceAllString(path, "group.")} {
		for p != "" {
			if a := advice[p]; a != "" {
				return a
			}
			p = p[:max(strings.LastIndex(p, "."), 0)]
		}
	}
	return unknownField
}
