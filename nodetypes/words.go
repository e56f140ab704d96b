package nodetypes

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Text is the plan as tables for people.
func (r *Reply) Text() string {
	nothing := ""
	if len(r.Launch)+len(r.Terminate) == 0 {
		nothing = "Nothing is launched or terminated.\n"
	}
	parts := []string{nothing, r.launches(), r.terminations(), r.lacking()}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n")
}

func (r *Reply) launches() string {
	return table(func(w io.Writer) {
		if len(r.Launch) > 0 {
			fmt.Fprintln(w, "LAUNCH\tNODES\tNOW\tFOR")
		}
		for _, l := range r.Launch {
			now := "-"
			if r.LaunchNow != nil {
				now = fmt.Sprint(r.LaunchNow[l.Type])
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", l.Type, l.Count(), now, l.causes())
		}
	})
}

func (r *Reply) terminations() string {
	return table(func(w io.Writer) {
		if len(r.Terminate) > 0 {
			fmt.Fprintln(w, "TERMINATE\tREASON")
		}
		for _, t := range r.Terminate {
			fmt.Fprintf(w, "%s\t%s\n", t.ID, t.Reason)
		}
	})
}

// lacking is what cannot be placed.
func (r *Reply) lacking() string {
	return table(func(w io.Writer) {
		d := r.Infeasible
		if len(d.Tasks)+len(d.Gangs)+len(d.Constraints) > 0 {
			fmt.Fprintln(w, "INFEASIBLE\tCOUNT")
		}
		for _, s := range d.Constraints {
			fmt.Fprintf(w, "request_resources %v\t%d\n", s.ResourceRequest, s.Count)
		}
		for _, g := range d.Gangs {
			fmt.Fprintf(w, "placement group %s %s\t1\n", g.Name, g.Strategy)
		}
		for _, s := range d.Tasks {
			fmt.Fprintf(w, "%v\t%d\n", s.ResourceRequest, s.Count)
		}
	})
}

func (l Launch) causes() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{l.Minimum, "minimums"}, {l.Constraint, "request_resources"}, {l.Gang, "placement groups"}, {l.Task, "tasks and actors"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d for %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// table aligns what is written; nothing is no table.
func table(write func(io.Writer)) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	write(w)
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

// Text is the plan and, for every item of the demand, which nodes take it and
// why each node type does or does not, as tables for people.
func (e *Explanation) Text() string {
	text := e.Reply.Text()
	for i := range e.Items {
		text += "\n" + e.Items[i].text()
	}
	return text
}

func (i *Item) text() string {
	text := fmt.Sprintf("%d × %s: %s\n", i.Count, i.what(), i.outcome()) + table(func(w io.Writer) {
		for _, on := range i.Nodes {
			fmt.Fprintf(w, "  %s (%s)\ttakes %d\n", on.ID, on.Type, on.Count)
		}
		for _, c := range i.Types {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", c.Type, c.Verdict, c.Detail)
		}
	})
	if i.Nearest != "" {
		text += "  No node type can hold it; the nearest is " + i.Nearest + ".\n"
	}
	return text
}

// what names the item's request.
func (i *Item) what() string {
	switch i.Kind {
	case ConstraintItem:
		return "request_resources " + i.ResourceRequest.String()
	case GangItem:
		return fmt.Sprintf("%v of placement group %s %s", i.ResourceRequest, i.Gang, i.Strategy)
	}
	return i.ResourceRequest.String()
}

// outcome says how many went where.
func (i *Item) outcome() string {
	var there, fresh int64
	for _, on := range i.Nodes {
		there += on.Count
	}
	for _, on := range i.New {
		fresh += on.Count
	}
	var parts []string
	for _, c := range []struct {
		n    int64
		what string
	}{{there, "on nodes that exist"}, {fresh, "on new nodes"}, {i.Infeasible, "infeasible" + i.reason()}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "nothing")
}

// reason says which requests a gang or constraint failed for.
func (i *Item) reason() string {
	switch {
	case i.Kind == TaskItem || i.Missing == i.Count:
		return ""
	case i.Missing == 0:
		return " (they have a place, but another part has none)"
	}
	return fmt.Sprintf(" (no place for %d of them)", i.Missing)
}
