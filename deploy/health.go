package deploy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rayburst/rayburst/scaler"
)

// Observed is what is seen of a RayCluster's objects at one instant.
type Observed struct {
	Problem Reason // why the spec's objects are not all applied; empty: they are
	Detail  string // of the problem, for people
	Suspend bool   // whether the spec says so
	Idle    bool   // whether that is the work of idle termination
	Head    *Replicas
	Types   []ObservedType // by name
}

// Replicas are the pods of a Deployment.
type Replicas struct{ Desired, Pods, Ready int }

// ObservedType is a type of workers.
type ObservedType struct {
	Name string
	Replicas
	Max     int
	Reason  Reason // why it is as it is; empty: nobody says so
	Message string
}

// settled tells whether there is nothing to explain.
func (t ObservedType) settled() bool { return t.Reason != "" || t.Desired == t.Ready }

// Settled tells whether no type's workers are on their way to or from what is
// desired for a reason that is not known.
func (o Observed) Settled() bool {
	return !slices.ContainsFunc(o.Types, func(t ObservedType) bool { return !t.settled() })
}

// Explain gives the types that are not settled the scaler's reasons.
func (o Observed) Explain(d *scaler.Decision) {
	for i, t := range o.Types {
		if target, ok := d.Target(t.Name); ok && !t.settled() {
			o.Types[i].Reason, o.Types[i].Message = Reason(target.Reason), target.Detail
		}
	}
}

// Reason says why a condition or a type is as it is. The set is closed; a type
// can also have one of the scaler's reasons.
type Reason string

// The reasons, by what they are about.
const (
	ReasonApplied     Reason = "Applied"
	ReasonInvalidSpec Reason = "InvalidSpec" // until the spec changes
	ReasonNameTaken   Reason = "NameTaken"   // an object of that name is somebody else's
	ReasonApplyFailed Reason = "ApplyFailed" // the API server refuses, or is away

	ReasonReady        Reason = "Ready"
	ReasonHeadNotReady Reason = "HeadNotReady"
	ReasonNotApplied   Reason = "NotApplied" // there is no head yet

	ReasonRunning         Reason = "Running"
	ReasonSuspending      Reason = "Suspending" // pods are left
	ReasonSuspended       Reason = "Suspended"
	ReasonSuspendedAsIdle Reason = "SuspendedAsIdle"

	ReasonPodsRefused         Reason = "PodsRefused"         // quota or admission
	ReasonScaledObjectInvalid Reason = "ScaledObjectInvalid" // says KEDA
)

// ConditionType names a condition. The set is closed.
type ConditionType string

// The conditions of a RayCluster.
const (
	ConditionApplied   ConditionType = "Applied"   // all objects are as the spec says
	ConditionReady     ConditionType = "Ready"     // the head serves
	ConditionSuspended ConditionType = "Suspended" // nothing runs, as the spec says
)

// Condition is one line of a RayCluster's state.
type Condition struct {
	Type    ConditionType
	True    bool
	Reason  Reason
	Message string
}

// Conditions sum up what is seen: always one of each type, in this order.
func (o Observed) Conditions() []Condition {
	return []Condition{o.applied(), o.ready(), o.suspended()}
}

func (o Observed) applied() Condition {
	if o.Problem != "" {
		return Condition{Type: ConditionApplied, Reason: o.Problem, Message: o.Detail}
	}
	return Condition{Type: ConditionApplied, True: true, Reason: ReasonApplied, Message: "all objects are as the spec says"}
}

func (o Observed) ready() Condition {
	c := Condition{Type: ConditionReady}
	switch {
	case o.Head == nil:
		c.Reason, c.Message = ReasonNotApplied, "there is no head yet"
	case o.Suspend && o.Problem == "":
		c.Reason, c.Message = ReasonSuspended, "the spec says suspend"
	case o.Head.Ready == 0:
		c.Reason, c.Message = ReasonHeadNotReady, "the head's pod is not ready"
	default:
		c.True, c.Reason, c.Message = true, ReasonReady, "the head is ready"
	}
	return c
}

func (o Observed) suspended() Condition {
	c := Condition{Type: ConditionSuspended, Reason: ReasonRunning, Message: "the spec does not say suspend"}
	if !o.Suspend {
		return c
	}
	if pods := o.pods(); pods > 0 || o.Problem != "" || o.Head == nil {
		c.Reason, c.Message = ReasonSuspending, "pods are left"
		return c
	}
	c.True, c.Reason, c.Message = true, ReasonSuspended, "no pods are left; set spec.suspend to false to go on"
	if o.Idle {
		c.Reason, c.Message = ReasonSuspendedAsIdle, "idle for idleTerminationMinutes; set spec.suspend to false to go on"
	}
	return c
}

func (o Observed) pods() int {
	n := 0
	if o.Head != nil {
		n = o.Head.Pods
	}
	for _, t := range o.Types {
		n += t.Pods
	}
	return n
}

// Workers are the ready and the desired workers of all types: "3/5".
func (o Observed) Workers() string {
	ready, desired := 0, 0
	for _, t := range o.Types {
		ready, desired = ready+t.Ready, desired+t.Desired
	}
	return fmt.Sprintf("%d/%d", ready, desired)
}

// SpecOptions are the fields of a RayCluster's spec that are not Ray's.
type SpecOptions struct {
	Suspend         bool
	IdleTermination float64        // minutes; 0: never
	Values          map[string]any // of the chart; nil: none
}

// ExtraKeys are the names of these fields, sorted.
func ExtraKeys() []string { return []string{"idleTerminationMinutes", "suspend", "values"} }

// SplitSpec parts a RayCluster's spec in Ray's keys and the others. It fails
// with a *FieldError.
func SplitSpec(spec map[string]any) (ray map[string]any, o SpecOptions, err error) {
	ray = map[string]any{}
	for key, value := range spec {
		ok := true
		switch key {
		case "suspend":
			o.Suspend, ok = value.(bool)
		case "values":
			o.Values, ok = value.(map[string]any)
		case "idleTerminationMinutes":
			o.IdleTermination, ok = number(value)
		default:
			ray[key] = value
		}
		if !ok {
			return nil, o, &FieldError{Key: key, Rule: extraRules[key], Value: describeJSON(value)}
		}
	}
	if keys, _ := ray["fileMounts"].(map[string]any); len(keys) > 0 {
		return nil, o, &FieldError{Key: "fileMounts", Rule: "must be empty: the operator sees no files of yours", Value: describeJSON(slices.Sorted(maps.Keys(keys)))}
	}
	return ray, o, nil
}

var extraRules = map[string]string{
	"suspend": "must be true or false", "values": "must be a mapping", "idleTerminationMinutes": "must be a number of minutes above 0",
}

// number is a positive number as JSON decoders make it.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), n > 0
	case float64:
		return n, n > 0
	}
	return 0, false
}
