package doctor

import "fmt"

func (k *KEDA) object() string { return fmt.Sprintf("Deployment %s/%s", k.Namespace, k.Name) }

func keda(s *Snapshot) []Finding {
	switch {
	case s.KEDA == nil && s.hidden(Deployments):
	case s.KEDA == nil:
		return []Finding{{Error, "", "Deployment keda-operator", "namespace", "KEDA must be installed", "nothing",
			"helm upgrade --install keda kedacore/keda -n keda --create-namespace"}}
	case s.KEDA.Ready == 0:
		return []Finding{{Error, "", s.KEDA.object(), "status.readyReplicas", "must be at least 1", "0",
			fmt.Sprintf("kubectl -n %s describe pods -l app=keda-operator", s.KEDA.Namespace)}}
	}
	return nil
}

func kedaVersion(s *Snapshot) []Finding {
	if s.KEDA == nil {
		return nil
	}
	v := s.KEDA.Version
	f := Finding{Object: s.KEDA.object(), Key: "version", Got: fmt.Sprintf("%d.%d", v.Major, v.Minor),
		Command: fmt.Sprintf("helm upgrade keda kedacore/keda -n %s --reuse-values", s.KEDA.Namespace)}
	switch {
	case !v.least(2, 17):
		f.Severity, f.Want = Error, "must be at least 2.17"
	case !v.least(2, 21):
		f.Severity, f.Want = Info, "below 2.21 there is no nudge: a fall of the target waits for the HPA's 15 s"
	default:
		return nil
	}
	return []Finding{f}
}

// size is what docs/sizing.md recommends up to a number of node types.
type size struct{ types, qps, burst, reconciles, polling int }

var sizes = []size{{10, 20, 30, 5, 1}, {60, 200, 400, 5, 5}, {300, 400, 2000, 20, 15}, {1000, 1000, 6000, 20, 30}}

func recommended(types int) size {
	for _, z := range sizes {
		if types <= z.types {
			return z
		}
	}
	return sizes[len(sizes)-1]
}

func kedaLimits(s *Snapshot) (out []Finding) {
	if s.KEDA == nil {
		return nil
	}
	z, k := recommended(len(s.Objects)), s.KEDA
	why := fmt.Sprintf(" for %d node types", len(s.Objects))
	patch := fmt.Sprintf(`kubectl -n %s patch deployment %s --type=json -p '[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--kube-api-qps=%d"},`+
		`{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--kube-api-burst=%d"}]'`, k.Namespace, k.Name, z.qps, z.burst)
	if k.QPS < float64(z.qps) {
		out = append(out, Finding{Warning, "", k.object(), "--kube-api-qps", fmt.Sprintf("should be at least %d%s", z.qps, why), fmt.Sprint(k.QPS), patch})
	}
	if k.Burst < z.burst {
		out = append(out, Finding{Warning, "", k.object(), "--kube-api-burst", fmt.Sprintf("should be at least %d%s", z.burst, why), fmt.Sprint(k.Burst), patch})
	}
	if k.Reconciles < z.reconciles {
		out = append(out, Finding{Warning, "", k.object(), "KEDA_SCALEDOBJECT_CTRL_MAX_RECONCILES", fmt.Sprintf("should be at least %d%s", z.reconciles, why),
			fmt.Sprint(k.Reconciles), fmt.Sprintf("kubectl -n %s set env deployment/%s KEDA_SCALEDOBJECT_CTRL_MAX_RECONCILES=%d", k.Namespace, k.Name, z.reconciles)})
	}
	return out
}

func kubernetesVersion(s *Snapshot) []Finding {
	v := s.Kubernetes
	f := Finding{Object: "Kubernetes", Key: "version", Got: fmt.Sprintf("%d.%d", v.Major, v.Minor)}
	switch {
	case !v.least(1, 35):
		f.Severity, f.Want = Warning, "should be at least 1.35: below, HPA ignores changes within 10 % of ten workers and more"
	case !v.least(1, 37):
		f.Severity, f.Want = Info, "below 1.37 a nudged HPA waits for its 15 s: falls of the target take longer"
	default:
		return nil
	}
	return []Finding{f}
}

// The HPA controller's defaults follow 300 HPAs within their 15 s.
const hpaBudget = 300

func budget(s *Snapshot) []Finding {
	n := len(s.HPAs)
	if n <= hpaBudget {
		return nil
	}
	return []Finding{{Warning, "", "HorizontalPodAutoscalers", "number", fmt.Sprintf("should be at most %d with the controller manager's defaults: their period is about %d s; see docs/sizing.md for its flags",
		hpaBudget, max(15, n/20)), fmt.Sprint(n), ""}}
}
