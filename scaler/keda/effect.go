package keda

import (
	"time"

	"github.com/rayburst/rayburst/scaler"
)

// Stage is how far a nudge has come.
type Stage string

// The stages: the HPA has the nudged target; the Deployment has the replicas.
const (
	StageHPA      Stage = "hpa"
	StageReplicas Stage = "replicas"
)

// effect is one nudge that is being timed. A repeated nudge counts from the
// first; one that is overtaken by another target is not counted.
type effect struct {
	workers int
	at      time.Time
	hpa     bool
}

// effects times the nudges of one cluster. What is seen is seen with the
// decisions, which every change of an HPA or a Deployment wakes.
type effects map[string]effect

// begin notes the types that are nudged now.
func (e effects) begin(now time.Time, nudged []string, targets []scaler.Target) {
	for _, t := range targets {
		old, timed := e[t.Type]
		if timed && old.workers != t.Workers {
			delete(e, t.Type)
		}
		for _, nodeType := range nudged {
			if nodeType == t.Type && (!timed || old.workers != t.Workers) {
				e[t.Type] = effect{workers: t.Workers, at: now}
			}
		}
	}
}

// see tells what has come about since. hpaHas tells whether the HPA of a type
// has the target last streamed.
func (e effects) see(now time.Time, targets []scaler.Target, hpaHas func(nodeType string) bool, tell func(Stage, time.Duration)) {
	for _, t := range targets {
		f, timed := e[t.Type]
		if !timed || f.workers != t.Workers {
			continue
		}
		if !f.hpa && hpaHas(t.Type) {
			f.hpa = true
			tell(StageHPA, now.Sub(f.at))
		}
		if e[t.Type] = f; t.Replicas == t.Workers {
			tell(StageReplicas, now.Sub(f.at))
			delete(e, t.Type)
		}
	}
}
