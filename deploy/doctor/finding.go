package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// Severity is how much a finding matters.
type Severity string

// The severities: something does not work, works badly, or is worth knowing.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Finding is something that is not as it should be.
type Finding struct {
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"`    // which one of docs/doctor.md
	Object   string   `json:"object"`  // Kind namespace/name
	Key      string   `json:"key"`     // the field
	Want     string   `json:"want"`    // the rule of the field
	Got      string   `json:"got"`     // its value
	Command  string   `json:"command"` // what mends it; empty: nothing has to be done
}

// String is the finding for people, with the command in a second line.
func (f Finding) String() string {
	text := fmt.Sprintf("%-7s %s: %s: %s (got %s)", f.Severity, f.Object, f.Key, f.Want, f.Got)
	if f.Command != "" {
		text += "\n        $ " + f.Command
	}
	return text
}

// rules are all rules by name, in the order of their findings.
var rules = []struct {
	name string
	find func(*Snapshot) []Finding
}{
	{"unread", unread}, {"keda", keda}, {"keda-version", kedaVersion}, {"keda-limits", kedaLimits}, {"kubernetes-version", kubernetesVersion},
	{"scaler", scalers}, {"leader", leader}, {"nats", natsReady}, {"agents", agents}, {"certificates", certificates}, {"trigger-authentication", authentication},
	{"trigger-type", triggerType}, {"metric-type", metricType}, {"behavior", behavior}, {"tolerance", tolerance}, {"polling", polling},
	{"cooldown", cooldown}, {"limits", limits}, {"fallback", fallback}, {"ready", ready}, {"paused", paused}, {"one-scaler", oneScaler},
	{"in-tree", inTree}, {"cluster", clusters}, {"budget", budget}, {"clocks", clocks},
}

// Rules are the names of all rules.
func Rules() []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.name)
	}
	return out
}

// Examine finds what is wrong, errors first.
func Examine(s *Snapshot) []Finding {
	var out []Finding
	for _, r := range rules {
		for _, f := range r.find(s) {
			f.Rule = r.name
			out = append(out, f)
		}
	}
	order := []Severity{Error, Warning, Info}
	slices.SortStableFunc(out, func(a, b Finding) int { return slices.Index(order, a.Severity) - slices.Index(order, b.Severity) })
	return out
}

// Healthy tells whether nothing is an error.
func Healthy(all []Finding) bool {
	return !slices.ContainsFunc(all, func(f Finding) bool { return f.Severity == Error })
}

func orNothing(text string) string {
	if strings.TrimSpace(text) == "" {
		return "nothing"
	}
	return text
}

func quoted(text string) string { return fmt.Sprintf("%q", text) }

// number is a value that may be absent.
func number(n *int) string {
	if n == nil {
		return "nothing"
	}
	return fmt.Sprint(*n)
}

func unread(s *Snapshot) (out []Finding) {
	for _, u := range s.Unread {
		out = append(out, Finding{Warning, "", u.What, "list", "must be allowed, and answered, to be checked", u.Why, "kubectl auth can-i --list"})
	}
	return out
}
