package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func (c Scaler) object() string { return fmt.Sprintf("Deployment %s/%s", c.Namespace, c.Name) }

func scalers(s *Snapshot) (out []Finding) {
	if len(s.Scalers) == 0 && !s.hidden(Scalers) {
		return []Finding{{Error, "", "Deployment rayburst", "namespace", "the chart rayburst must be installed", "nothing",
			"helm upgrade --install rayburst charts/rayburst -n keda"}}
	}
	for _, c := range s.Scalers {
		if c.Ready < c.Wanted || c.Wanted == 0 {
			out = append(out, Finding{Error, "", c.object(), "status.readyReplicas", fmt.Sprintf("must be %d", max(c.Wanted, 1)), fmt.Sprint(c.Ready),
				fmt.Sprintf("kubectl -n %s describe pods -l app.kubernetes.io/instance=%s", c.Namespace, c.Name)})
		}
	}
	return out
}

func leader(s *Snapshot) (out []Finding) {
	for _, c := range s.Scalers {
		logs := fmt.Sprintf("kubectl -n %s logs -l app.kubernetes.io/instance=%s,app.kubernetes.io/component=scaler", c.Namespace, c.Name)
		switch {
		case c.Ready == 0 || s.hidden(ScalerPods):
		case c.Leader == "":
			out = append(out, Finding{Error, "", c.object(), "rayburst.io/leader", "one of its pods must have the label: KEDA is sent there", "nothing", logs})
		case c.Holder != c.Leader && !s.hidden(ScalerLease):
			out = append(out, Finding{Warning, "", fmt.Sprintf("Lease %s/%s", c.Namespace, c.Name), "spec.holderIdentity", "must be the pod with the leader's label (" + c.Leader + ")", quoted(c.Holder), logs})
		}
	}
	return out
}

func natsReady(s *Snapshot) (out []Finding) {
	for _, c := range s.Scalers {
		if n := c.NATS; n != nil && n.Ready < n.Wanted {
			out = append(out, Finding{Error, "", fmt.Sprintf("Deployment %s/%s", c.Namespace, n.Name), "status.readyReplicas", fmt.Sprintf("must be %d", n.Wanted), fmt.Sprint(n.Ready),
				fmt.Sprintf("kubectl -n %s describe pods -l app.kubernetes.io/instance=%s,app.kubernetes.io/component=nats", c.Namespace, c.Name)})
		}
	}
	return out
}

// agents: those of all clusters are of the scaler's version.
func agents(s *Snapshot) (out []Finding) {
	for _, c := range s.Scalers {
		for _, image := range s.Agents {
			if len(s.Scalers) == 1 && tag(image) != tag(c.Image) {
				out = append(out, Finding{Warning, "", "agents", "image", "should have the scaler's version (" + tag(c.Image) + ")", quoted(image),
					"helm upgrade RELEASE charts/ray-cluster -n NAMESPACE --reuse-values --set rayburst.image.tag=" + tag(c.Image)})
			}
		}
	}
	return out
}

func tag(image string) string {
	if i := strings.LastIndexAny(image, ":@"); i > strings.LastIndex(image, "/") {
		return image[i+1:]
	}
	return "latest"
}

// soon is when the end of a certificate is worth a word.
const soon = 30 * 24 * time.Hour

func certificates(s *Snapshot) (out []Finding) {
	for _, c := range s.Scalers {
		restart := fmt.Sprintf("kubectl -n %s rollout restart deployment/%s", c.Namespace, c.Name)
		for _, secret := range c.Certificates {
			f := Finding{Error, "", fmt.Sprintf("Secret %s/%s", secret.Namespace, secret.Name), "tls.crt", "", "nothing", restart}
			switch left := secret.Expires.Sub(s.Now); {
			case secret.Missing:
				f.Key, f.Want, f.Command = "metadata.name", "must exist", fmt.Sprintf("helm upgrade %s charts/rayburst -n %s --reuse-values", c.Name, c.Namespace)
			case secret.Expires.IsZero():
				f.Want = "must have a certificate"
			case left <= 0:
				f.Want, f.Got = "must be valid", "its end "+secret.Expires.Format(time.DateOnly)
			case left < soon:
				f.Severity, f.Want, f.Got = Warning, "should be valid for 30 days more; KEDA keeps a stream's certificate until it restarts", "its end "+secret.Expires.Format(time.DateOnly)
			default:
				continue
			}
			out = append(out, f)
		}
	}
	return out
}

func authentication(s *Snapshot) (out []Finding) {
	for _, c := range s.Scalers {
		object := "ClusterTriggerAuthentication " + c.Name
		upgrade := fmt.Sprintf("helm upgrade %s charts/rayburst -n %s --reuse-values", c.Name, c.Namespace)
		if c.TLS && c.Auth == nil && !s.hidden(Authentication) {
			out = append(out, Finding{Error, "", object, "metadata.name", "must exist: the scaler speaks TLS", "nothing", upgrade})
		}
		for _, o := range s.Objects {
			if c.TLS && o.Auth == "" && len(s.Scalers) == 1 {
				f := o.find(Error, fmt.Sprintf("spec.triggers[%d].authenticationRef", o.Trigger), "must be given: the scaler speaks TLS", "", "")
				f.Command = fmt.Sprintf(`kubectl -n %s patch scaledobject %s --type=json -p '[{"op":"add","path":"/spec/triggers/%d/authenticationRef","value":{"name":%q,"kind":"ClusterTriggerAuthentication"}}]'`,
					o.Namespace, o.Name, o.Trigger, c.Name)
				out = append(out, f)
			}
		}
		for _, secret := range c.Auth {
			if secret.Missing {
				out = append(out, Finding{Error, "", object, "spec.secretTargetRef", "must name a Secret of KEDA's namespace (" + secret.Namespace + ")", quoted(secret.Name), upgrade})
			}
		}
	}
	return out
}

// clusters: the scaler knows the state of all Ray clusters that have a type.
func clusters(s *Snapshot) (out []Finding) {
	if len(s.Scalers) != 1 {
		return nil
	}
	c := s.Scalers[0]
	if c.Unreachable != "" {
		return []Finding{{Warning, "", fmt.Sprintf("Service %s/%s", c.Namespace, c.Name), "port 8089", "should answer through the API server's proxy", c.Unreachable,
			fmt.Sprintf("kubectl -n %s port-forward svc/%s 8089 & rayburst status", c.Namespace, c.Name)}}
	}
	names := map[string]bool{}
	for _, o := range s.Objects {
		names[o.Namespace+"/"+o.Cluster] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		namespace, cluster, _ := strings.Cut(name, "/")
		why, known := c.Clusters[name]
		f := Finding{Error, "", "Ray cluster " + name, "state", "must be known to the scaler", quoted(why),
			fmt.Sprintf("kubectl -n %s logs -l ray.io/cluster=%s,ray.io/node-type=head -c rayburst-agent", namespace, cluster)}
		switch {
		case !known:
			f.Got, f.Command = "nothing", fmt.Sprintf("kubectl -n %s get events --field-selector reason=InvalidTrigger", namespace)
		case why == "":
			continue
		}
		out = append(out, f)
	}
	return out
}

// The clocks' differences that matter.
const (
	clockError    = 5 * time.Second
	heartbeatLate = time.Minute
)

func clocks(s *Snapshot) (out []Finding) {
	if s.ServerTime.IsZero() {
		return nil
	}
	if d := s.ServerTime.Sub(s.Now); d.Abs() > clockError {
		out = append(out, Finding{Warning, "", "API server", "clock", "should be that of this machine within 5 s", d.Round(time.Second).String() + " ahead", "timedatectl status"})
	}
	for _, n := range s.Nodes {
		switch d := n.Heartbeat.Sub(s.ServerTime); {
		case n.Heartbeat.IsZero():
		case d > clockError:
			out = append(out, Finding{Error, "", "Node " + n.Name, "clock", "must not be ahead of the API server's", d.Round(time.Second).String() + " ahead", "timedatectl status # on the node"})
		case d < -heartbeatLate:
			out = append(out, Finding{Warning, "", "Node " + n.Name, "heartbeat", "should be within a minute: the node is away, or its clock is behind", (-d).Round(time.Second).String() + " ago",
				"kubectl describe node " + n.Name})
		}
	}
	return out
}
