package scaler

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// ErrSubject is wrapped when there is nothing of that name to explain.
var ErrSubject = errors.New("nothing of that name")

// Explain says in text why the numbers are what they are: of a node type, of
// one worker or node (by name or id), or of the whole cluster if the subject is
// empty. It fails with ErrSubject and names what there is.
func (d *Decision) Explain(subject string) (string, error) {
	var b strings.Builder
	if d.Unknown != "" {
		fmt.Fprintf(&b, "The cluster's state is not known: %s. Every target is held.\n", d.Unknown)
	}
	nodes := d.Nodes.Get()
	if subject == "" {
		d.explainAll(&b, nodes)
		return b.String(), nil
	}
	if t, ok := d.Target(subject); ok {
		explainType(&b, t, nodes)
		return b.String(), nil
	}
	i := slices.IndexFunc(nodes, func(n NodeView) bool { return n.Name == subject || n.NodeID == subject })
	if i < 0 {
		return "", fmt.Errorf("%w: %q is neither a node type (%s) nor a node (%s)", ErrSubject, subject, d.typeNames(), nodeNames(nodes))
	}
	explainNode(&b, nodes[i])
	return b.String(), nil
}

func (d *Decision) explainAll(b *strings.Builder, nodes []NodeView) {
	for _, t := range d.Targets {
		explainType(b, t, nodes)
	}
	for _, n := range nodes {
		if n.Head || n.Keep == KeepUnmanaged {
			explainNode(b, n)
		}
	}
	explainWaiting(b, d.Waiting)
}

func explainType(b *strings.Builder, t Target, nodes []NodeView) {
	fmt.Fprintf(b, "%s: %d workers, because %s: %s\n", t.Type, t.Workers, t.Reason, t.Detail)
	for _, n := range nodes {
		if n.Type == t.Type && !n.Head {
			b.WriteString("  ")
			explainNode(b, n)
		}
	}
}

func explainNode(b *strings.Builder, n NodeView) {
	verb := "stays"
	if n.Keep == KeepNot {
		verb = "leaves"
	}
	fmt.Fprintf(b, "%s is %s and %s, because %s: %s\n", n.Name, n.State, verb, n.Keep, n.Detail)
}

func explainWaiting(b *strings.Builder, waiting []Waiting) {
	if len(waiting) == 0 {
		b.WriteString("No demand waits.\n")
	}
	for _, w := range waiting {
		fmt.Fprintf(b, "%d × %s waits, because %s: %s\n", w.Count, w.What, w.Why, w.Detail)
	}
}

func (d *Decision) typeNames() string {
	names := make([]string, len(d.Targets))
	for i, t := range d.Targets {
		names[i] = t.Type
	}
	return strings.Join(names, ", ")
}

func nodeNames(nodes []NodeView) string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.Name
	}
	return strings.Join(names, ", ")
}

// Status is the decision as a table for people.
func (d *Decision) Status() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Ray cluster %s", d.Cluster)
	if d.Unknown != "" {
		fmt.Fprintf(&b, ": state unknown (%s), every target is held", d.Unknown)
	}
	b.WriteString("\n\n")
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TYPE\tWORKERS\tRUNNING\tJOINING\tDRAINING\tMIN\tMAX\tREASON")
	for _, t := range d.Targets {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", t.Type, t.Workers, t.Running, t.Joining, t.Draining, t.Min, t.Max, t.Reason)
	}
	_ = w.Flush() // a strings.Builder does not fail
	b.WriteString("\n")
	explainWaiting(&b, d.Waiting)
	return b.String()
}
