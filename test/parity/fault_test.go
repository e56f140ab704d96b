package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// faulty is our planner with a fault: beside a gang it opens one node more.
func faulty(raw []byte) (answer, error) {
	a, err := rayburst(raw)
	if strings.Contains(string(raw), "STRICT_SPREAD") {
		for name := range a.Launch {
			a.Launch[name]++
		}
	}
	return a, err
}

// TestFaultIsFound: a fault is found, no exception hides it, and what is
// printed has nothing that it does not need.
func TestFaultIsFound(t *testing.T) {
	r := newReport(ray(t, exact))
	if err := compare(t.Context(), python, 1, faulty, randomQuestions(7, 100, "gangs"), r.take); err != nil {
		t.Fatal(err)
	}
	if len(r.differences) == 0 {
		t.Fatal("no difference was found")
	}
	v := shrunk(r.differences[0], faulty, ray(t), r.exactly)
	var c planCase
	if err := json.Unmarshal(v.raw, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.NodeTypes) != 1 || len(c.Nodes) > 0 || len(c.Demand.Tasks) > 0 || len(v.raw) > 120 || v.same() {
		t.Errorf("not minimal: %s", line(v))
	}
}

// TestExceptionsAreNarrow: on a case in which Ray rounds wrongly the right
// answer is explained, and a wrong one is not.
func TestExceptionsAreNarrow(t *testing.T) {
	for name, raw := range map[string]string{
		"subtraction": `{"nodeTypes": [{"name": "a", "resources": {"CPU": 0.6}, "maxWorkers": 2}],
			"demand": {"tasks": [{"resources": {"CPU": 0.2}, "count": 3}]}}`,
		"timeout": `{"nodeTypes": [{"name": "a"}], "idleTimeoutSeconds": 1.001, "nodes": [{"id": "n", "type": "a", "idleSeconds": 1.001}]}`,
	} {
		v, err := ask(question{name: name, raw: []byte(raw)}, rayburst, ray(t))
		if err != nil || v.same() {
			t.Fatalf("%s: Ray does not round wrongly: %v, %s", name, err, line(v))
		}
		if got, err := explain(v, ray(t, exact)); err != nil || got != "binary rounding" {
			t.Errorf("%s: explained by %q: %v", name, got, err)
		}
		v.ours.Infeasible.Gangs = []string{"g"}
		if got, err := explain(v, ray(t, exact)); err != nil || got != "" {
			t.Errorf("%s: a wrong answer is explained by %q: %v", name, got, err)
		}
	}
}

// TestExactIsRay: with fractions Ray's code still is Ray's code.
func TestExactIsRay(t *testing.T) {
	exactly := ray(t, exact)
	for _, q := range examples(t) {
		if a, err := exactly(q.raw); err != nil || !a.equal(*q.written) {
			t.Errorf("%s: %s, %v", q.name, text(a), err)
		}
	}
}

func TestWrittenAnswer(t *testing.T) {
	const wrong = `{"name": "x", "case": {"nodeTypes": [{"name": "a", "minWorkers": 1}]}, "answer": {"launch": {"a": 2}}}`
	list, err := readQuestions(strings.NewReader(wrong))
	if err != nil {
		t.Fatal(err)
	}
	v, err := ask(list[0], rayburst, ray(t))
	if err != nil || v.same() {
		t.Errorf("%v: a wrong written answer passes: %s", err, line(v))
	}
	if got, err := explain(v, ray(t, exact)); err != nil || got != "" {
		t.Errorf("explained by %q: %v", got, err)
	}
}

func TestAnswersAreMultisets(t *testing.T) {
	const base = `{"launch": {"a": 1}, "terminate": [{"id": "m", "reason": "idle"}, {"id": "n", "reason": "idle"}], "infeasible": {
		"tasks": [{"resources": {"CPU": 1}, "count": 2}, {"resources": {"CPU": 0.5}, "count": 1}], "gangs": ["g", "h"],
		"constraints": [{"resources": {}, "count": 1, "labelSelector": {"z": "a"}}, {"resources": {}, "count": 1}]}`
	for name, c := range map[string]struct {
		more, old, new string
		same           bool
	}{
		"our own":           {more: `, "launchNow": {"a": 1}`, same: true},
		"order of nodes":    {old: `"m"`, new: `"n"`},
		"a reason":          {old: `"idle"}, {"id": "n"`, new: `"outdated"}, {"id": "n"`},
		"a number":          {old: `{"a": 1}`, new: `{"a": 1.0}`, same: false},
		"a count":           {old: `"count": 2`, new: `"count": 3`},
		"tasks apart":       {old: `{"resources": {"CPU": 1}, "count": 2}`, new: `{"resources": {"CPU": 1.0}, "count": 1}, {"resources": {"CPU": 1}, "count": 1}`, same: true},
		"gangs' order":      {old: `"g", "h"`, new: `"h", "g"`, same: true},
		"a gang less":       {old: `"g", "h"`, new: `"g"`},
		"a gang twice":      {old: `"g", "h"`, new: `"g", "g", "h"`},
		"a selector":        {old: `"z": "a"`, new: `"z": "b"`},
		"constraints added": {old: `"count": 1}]`, new: `"count": 2}]`},
		"a failure":         {more: `, "error": "x"`},
	} {
		a, err := parseAnswer([]byte(base + "}"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := parseAnswer([]byte(strings.Replace(base, c.old, c.new, 1) + c.more + "}"))
		if err == nil && a.equal(b) != c.same {
			t.Errorf("%s: equal is not %v", name, c.same)
		}
	}
}
