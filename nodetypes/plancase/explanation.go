package plancase

import (
	"encoding/json"

	"github.com/rayburst/rayburst/nodetypes"
)

// explained is a plan with its reasons.
type explained struct {
	Plan        result `json:"plan"`
	Explanation []item `json:"explanation"`
}

// item is one request of the demand.
type item struct {
	Kind       nodetypes.Kind `json:"kind"`
	Gang       string         `json:"gang,omitempty"`
	Strategy   string         `json:"strategy,omitempty"`
	Request    shape          `json:"request"`
	Nodes      []onNode       `json:"nodes"`
	New        []onType       `json:"new"`
	Infeasible int64          `json:"infeasible"`
	Missing    int64          `json:"missing"`
	Types      []considered   `json:"types"`
	Nearest    string         `json:"nearest,omitempty"`
}

type onNode struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Count int64  `json:"count"`
}

type onType struct {
	Type  string `json:"type"`
	Nodes int64  `json:"nodes"`
	Count int64  `json:"count"`
}

type considered struct {
	Type    string            `json:"type"`
	Verdict nodetypes.Verdict `json:"verdict"`
	Detail  string            `json:"detail"`
	Lacks   []lack            `json:"lacks,omitempty"`
	Score   *score            `json:"score,omitempty"`
}

// lack is a resource or, without one, the label selector.
type lack struct {
	Resource string      `json:"resource,omitempty"`
	Has      json.Number `json:"has,omitempty"`
	Needs    json.Number `json:"needs,omitempty"`
	Selector bool        `json:"labelSelector,omitempty"`
}

type score struct {
	Label     int     `json:"label"`
	NoGPU     bool    `json:"noGpu"`
	Kinds     int     `json:"kinds"`
	Least     float64 `json:"least"`
	Mean      float64 `json:"mean"`
	Recovered float64 `json:"recoveredAvailability"`
	Priority  int     `json:"priority"`
	Cloud     float64 `json:"cloudAvailability"`
}

// EncodeExplanation writes the plan for a case with its reasons as one line of
// JSON without a line break. The plan is as Encode writes it. Equal
// explanations give equal bytes.
func (c *Case) EncodeExplanation(e nodetypes.Explanation) ([]byte, error) {
	out := explained{Plan: c.result(e.Reply), Explanation: []item{}}
	w := writer{}
	for i := range e.Items {
		out.Explanation = append(out.Explanation, w.item(&e.Items[i]))
	}
	if w.err != nil {
		return nil, w.err
	}
	return json.Marshal(out)
}

func (w *writer) item(i *nodetypes.Item) item {
	out := item{
		Kind: i.Kind, Gang: i.Gang, Strategy: string(i.Strategy), Request: newShape(i.Shape, w.selectors("", i.Selectors, true)),
		Nodes: []onNode{}, New: []onType{}, Infeasible: i.Infeasible, Missing: i.Missing, Types: []considered{}, Nearest: i.Nearest,
	}
	for _, on := range i.Nodes {
		out.Nodes = append(out.Nodes, onNode(on))
	}
	for _, on := range i.New {
		out.New = append(out.New, onType(on))
	}
	for _, c := range i.Types {
		out.Types = append(out.Types, considered{c.Type, c.Verdict, c.Detail, lacks(c.Lacks), (*score)(c.Score)})
	}
	return out
}

func lacks(list []nodetypes.Lack) []lack {
	var out []lack
	for _, l := range list {
		if l.Resource == "" {
			out = append(out, lack{Selector: true})
		} else {
			out = append(out, lack{Resource: l.Resource, Has: exact(l.Has), Needs: exact(l.Needs)})
		}
	}
	return out
}
