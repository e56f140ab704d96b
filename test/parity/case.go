package main

import (
	"encoding/json"
	"strconv"

	"github.com/rayburst/rayburst/demand"
)

// planCase is a planning case as the generator writes it.
type planCase struct {
	NodeTypes   []nodeType   `json:"nodeTypes"`
	MaxWorkers  *int         `json:"maxWorkers,omitempty"`
	IdleTimeout *json.Number `json:"idleTimeoutSeconds,omitempty"`
	Conserve    *bool        `json:"conserveGpuNodes,omitempty"`
	Nodes       []node       `json:"nodes,omitempty"`
	Demand      waiting      `json:"demand"`
}

type nodeType struct {
	Name        string            `json:"name"`
	Resources   resources         `json:"resources,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	MinWorkers  int               `json:"minWorkers,omitempty"`
	MaxWorkers  *int              `json:"maxWorkers,omitempty"`
	IdleTimeout *json.Number      `json:"idleTimeoutSeconds,omitempty"`
	Priority    int               `json:"priority,omitempty"`
	Recovered   *json.Number      `json:"recoveredAvailability,omitempty"`
	Cloud       *json.Number      `json:"cloudAvailability,omitempty"`
}

type node struct {
	ID        string            `json:"id"`
	Type      string            `json:"type"`
	Head      bool              `json:"head,omitempty"`
	Status    string            `json:"status,omitempty"`
	Total     resources         `json:"total,omitzero"`
	Available resources         `json:"available,omitzero"`
	Labels    map[string]string `json:"labels,omitzero"`
	Idle      json.Number       `json:"idleSeconds,omitempty"`
	Gangs     []string          `json:"gangs,omitempty"`
}

type waiting struct {
	Tasks       []shape `json:"tasks,omitempty"`
	Gangs       []gang  `json:"gangs,omitempty"`
	Constraints []shape `json:"constraints,omitempty"`
}

type gang struct {
	Name     string  `json:"name,omitempty"`
	Strategy string  `json:"strategy,omitempty"`
	Bundles  []shape `json:"bundles"`
}

type shape struct {
	Resources resources           `json:"resources,omitempty"`
	Count     *int                `json:"count,omitempty"`
	Selector  map[string]string   `json:"labelSelector,omitempty"`
	Fallback  []map[string]string `json:"fallback,omitempty"`
}

// resources are amounts in units of 1/10,000.
type resources map[string]demand.Amount

// MarshalJSON writes whole units, without rounding.
func (r resources) MarshalJSON() ([]byte, error) {
	out := make(map[string]json.Number, len(r))
	for name, a := range r {
		out[name] = json.Number(strconv.FormatInt(int64(a/demand.Unit), 10) + "." + strconv.FormatInt(int64(demand.Unit+a%demand.Unit), 10)[1:])
		if a%demand.Unit == 0 {
			out[name] = json.Number(strconv.FormatInt(int64(a/demand.Unit), 10))
		}
	}
	return json.Marshal(out)
}
