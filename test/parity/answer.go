package main

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// answer is what a scheduler says to a case, without launchNow, which Ray does
// not have.
type answer struct {
	Launch    map[string]int `json:"launch"`
	Terminate []struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
	} `json:"terminate"`
	Infeasible struct {
		Tasks       []entry  `json:"tasks"`
		Gangs       []string `json:"gangs"`
		Constraints []entry  `json:"constraints"`
	} `json:"infeasible"`
	// Error is set if the scheduler failed; then there is nothing else.
	Error string `json:"error,omitempty"`
}

type entry struct {
	Resources map[string]float64  `json:"resources"`
	Count     int64               `json:"count"`
	Selector  map[string]string   `json:"labelSelector,omitempty"`
	Fallback  []map[string]string `json:"fallback,omitempty"`
}

func parseAnswer(raw []byte) (answer, error) {
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return answer{}, fmt.Errorf("answer %q: %w", raw, err)
	}
	return a, nil
}

// equal compares as multisets and maps: order is not judged.
func (a answer) equal(b answer) bool { return reflect.DeepEqual(a.multisets(), b.multisets()) }

// multisets count what an answer says.
func (a answer) multisets() map[string]int64 {
	m := map[string]int64{"error: " + a.Error: 1}
	for name, n := range a.Launch {
		m["launch: "+name] = int64(n)
	}
	for _, t := range a.Terminate {
		m["terminate: "+t.Reason+" "+t.ID]++
	}
	for _, t := range a.Infeasible.Tasks {
		n := t.Count
		t.Count = 0
		m["task: "+text(t)] += n
	}
	for _, g := range a.Infeasible.Gangs {
		m["gang: "+g]++
	}
	for _, c := range a.Infeasible.Constraints {
		m["constraint: "+text(c)]++
	}
	return m
}

// text is JSON, with the members in a fixed order.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // only numbers and strings
	}
	return string(raw)
}
