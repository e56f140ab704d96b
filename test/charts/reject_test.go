package charts

import (
	"strings"
	"testing"
)

// wrong are values that are refused, each with what the message names: key,
// rule and value.
var wrong = map[string]struct {
	chart, values string
	want          []string
}{
	"unknown key":             {"rayburst", "scalar: {}", []string{"scalar", "not allowed"}},
	"unknown nested key":      {"rayburst", "scaler: {replica: 2}", []string{"/scaler", "replica", "not allowed"}},
	"wrong type":              {"rayburst", "scaler: {verbose: 1}", []string{"/scaler/verbose", "got number, want boolean"}},
	"negative replicas":       {"rayburst", "scaler: {replicas: -1}", []string{"/scaler/replicas", "minimum: got -1, want 1"}},
	"bad enum":                {"rayburst", "scaler: {nudge: sometimes}", []string{"/scaler/nudge", "'auto', 'off'"}},
	"bad TLS mode":            {"rayburst", "tls: {mode: none}", []string{"/tls/mode", "'self', 'cert-manager', 'secret'"}},
	"old TLS key":             {"rayburst", "tls: {existingSecret: x}", []string{"/tls", "existingSecret", "not allowed"}},
	"no day":                  {"rayburst", "tls: {days: 0}", []string{"/tls/days", "minimum: got 0, want 1"}},
	"bad NATS":                {"rayburst", "nats: {url: http://x}", []string{"/nats/url", "http://x", "(nats|tls)://"}},
	"bad namespace":           {"rayburst", "namespaces: [ML]", []string{"/namespaces/0", "ML"}},
	"bad interval":            {"rayburst", "monitoring: {interval: often}", []string{"/monitoring/interval", "often"}},
	"no server Secret":        {"rayburst", "tls: {mode: secret, clientSecret: x}", []string{`tls.serverSecret: must name a Secret with tls.mode secret: got ""`}},
	"no client Secret":        {"rayburst", "tls: {mode: secret, serverSecret: x}", []string{`tls.clientSecret: must name a Secret with tls.mode secret: got ""`}},
	"Issuer out of reach":     {"rayburst", "{keda: {namespace: other}, tls: {mode: cert-manager}}", []string{`tls.issuerRef.kind: must be ClusterIssuer`, "(other)", `got "Issuer"`}},
	"cluster: unknown key":    {"ray-cluster", "worker: {}", []string{"worker", "not allowed"}},
	"cluster: nested key":     {"ray-cluster", "head: {cpu: 1}", []string{"/head", "cpu", "not allowed"}},
	"type: unknown key":       {"ray-cluster", "workers: {cpu: {maxWorker: 3}}", []string{"/workers/cpu", "maxWorker", "not allowed"}},
	"type: no maximum":        {"ray-cluster", "workers: {gpu: {minWorkers: 1}}", []string{"/workers/gpu", "maxWorkers"}},
	"type: wrong type":        {"ray-cluster", "workers: {cpu: {maxWorkers: many}}", []string{"/workers/cpu/maxWorkers", "got string, want integer"}},
	"type: negative":          {"ray-cluster", "workers: {cpu: {minWorkers: -1}}", []string{"/workers/cpu/minWorkers", "minimum: got -1, want 0"}},
	"type: min over max":      {"ray-cluster", "workers: {cpu: {minWorkers: 5, maxWorkers: 4}}", []string{"workers.cpu.minWorkers: must not be above maxWorkers (4): got 5"}},
	"type: the head's name":   {"ray-cluster", "workers: {head: {maxWorkers: 1}}", []string{`workers: a node type must not be called head or head-agent: got "head"`}},
	"type: a bad name":        {"ray-cluster", "workers: {GPU_A: {maxWorkers: 1}}", []string{"/workers", "GPU_A", "not allowed"}},
	"type: field set twice":   {"ray-cluster", "workers: {cpu: {podSpec: {tolerations: []}}}", []string{"/workers/cpu/podSpec/tolerations"}},
	"type: two budgets":       {"ray-cluster", "workers: {cpu: {podDisruptionBudget: {minAvailable: 1, maxUnavailable: 1}}}", []string{"/workers/cpu/podDisruptionBudget", "maxProperties"}},
	"type: amount":            {"ray-cluster", "workers: {cpu: {extraResources: {special: -1}}}", []string{"/workers/cpu/extraResources/special", "got -1"}},
	"pull policy":             {"ray-cluster", "image: {pullPolicy: Sometimes}", []string{"/image/pullPolicy", "'Always'"}},
	"speed":                   {"ray-cluster", "upscalingSpeed: fast", []string{"/upscalingSpeed", "fast"}},
	"grace":                   {"ray-cluster", "{preemptSeconds: 60, terminationGracePeriodSeconds: 60}", []string{"terminationGracePeriodSeconds: must be above preemptSeconds (60): got 60"}},
	"own head, no address":    {"ray-cluster", "{head: {enabled: false}, auth: {existingSecret: x}}", []string{`head.address: must be host:port`, `got ""`}},
	"own head, bad address":   {"ray-cluster", "head: {address: ray-head}", []string{"/head/address", "ray-head"}},
	"own head, no token":      {"ray-cluster", "head: {enabled: false, address: 'h:6379'}", []string{"auth.existingSecret: must name the Secret", `got ""`}},
	"polling":                 {"ray-cluster", "pollingInterval: 0", []string{"/pollingInterval", "minimum: got 0, want 1"}},
	"network policy: a typo":  {"ray-cluster", "networkPolicy: {form: []}", []string{"/networkPolicy", "form", "not allowed"}},
	"own head, wrong boolean": {"ray-cluster", `head: {enabled: "no"}`, []string{"/head/enabled", "got string, want boolean"}},
}

// TestWrongValues: what is wrong is refused, by a message that helps.
func TestWrongValues(t *testing.T) {
	for name, c := range wrong {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, c.chart, parsed(t, c.values), newest)
			if err == nil {
				t.Fatal("was taken")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %q", err, want)
				}
			}
		})
	}
}
