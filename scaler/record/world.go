package record

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// world is a scaler.World as it is written: without its moment, which is the
// line's, and without what the core knows itself.
type world struct {
	Types    []typeState `json:"types"`
	Settings settings    `json:"settings"`
	Workers  []worker    `json:"workers"`
}

// The types below are those of the same names but for tags, and are converted,
// so that a field that is added there does not compile before it is added here.

type worker struct {
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	Started   bool      `json:"started,omitempty"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	Drained   bool      `json:"drained,omitempty"`
	Marked    bool      `json:"marked,omitempty"`
	Failures  int       `json:"failures,omitempty"`
	Trouble   string    `json:"trouble,omitempty"`
	Hopeless  bool      `json:"hopeless,omitempty"`
}

type nodeType struct {
	Name                  string            `json:"name"`
	Resources             demand.Resources  `json:"resources"`
	Labels                map[string]string `json:"labels"`
	MinWorkers            int               `json:"minWorkers"`
	MaxWorkers            int               `json:"maxWorkers"`
	IdleTimeout           *time.Duration    `json:"idleTimeoutNanoseconds"`
	Priority              int               `json:"priority"`
	RecoveredAvailability *float64          `json:"recoveredAvailability"`
	CloudAvailability     *float64          `json:"cloudAvailability"`
}

type typeState struct {
	nodeType
	Replicas int    `json:"replicas"`
	Rollout  bool   `json:"rollout,omitempty"`
	Paused   bool   `json:"paused,omitempty"`
	Refused  string `json:"refused,omitempty"`
}

type plainSettings struct {
	UpscalingSpeed   float64            `json:"-"`
	MaxWorkers       int                `json:"maxWorkers"`
	IdleTimeout      *time.Duration     `json:"idleTimeoutNanoseconds"`
	Head             nodetypes.NodeType `json:"-"`
	ProvisionTimeout time.Duration      `json:"provisionTimeoutNanoseconds"`
	RemovalSettle    time.Duration      `json:"removalSettleNanoseconds"`
	WithdrawAfter    time.Duration      `json:"withdrawAfterNanoseconds"`
}

type settings struct {
	plainSettings
	Speed    speed    `json:"upscalingSpeed"`
	HeadType nodeType `json:"head"`
}

// speed is a number that may be infinite.
type speed float64

// MarshalJSON writes "inf" for what JSON has no number for.
func (s speed) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(s), 1) {
		return []byte(`"inf"`), nil
	}
	return json.Marshal(float64(s))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *speed) UnmarshalJSON(b []byte) error {
	if string(b) == `"inf"` {
		*s = speed(math.Inf(1))
		return nil
	}
	return json.Unmarshal(b, (*float64)(s))
}

func newWorld(in scaler.World) world {
	w := world{Settings: settings{plainSettings(in.Settings), speed(in.Settings.UpscalingSpeed), nodeType(in.Settings.Head)}}
	for _, t := range in.Types {
		w.Types = append(w.Types, typeState{nodeType(t.NodeType), t.Replicas, t.Rollout, t.Paused, t.Refused})
	}
	for _, x := range in.Workers {
		x.StartedAt = x.StartedAt.UTC()
		w.Workers = append(w.Workers, worker(x))
	}
	return w
}

// scaler is the world that was written.
func (w world) scaler() scaler.World {
	out := scaler.World{Settings: scaler.Settings(w.Settings.plainSettings)}
	out.Settings.UpscalingSpeed, out.Settings.Head = float64(w.Settings.Speed), nodetypes.NodeType(w.Settings.HeadType)
	for _, t := range w.Types {
		out.Types = append(out.Types, scaler.TypeState{NodeType: nodetypes.NodeType(t.nodeType), Replicas: t.Replicas, Rollout: t.Rollout, Paused: t.Paused, Refused: t.Refused})
	}
	for _, x := range w.Workers {
		out.Workers = append(out.Workers, scaler.Worker(x))
	}
	return out
}

// readWorld reads the sections of a world strictly.
func readWorld(s sections) (scaler.World, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return scaler.World{}, err
	}
	var w world
	if err := decode(raw, &w); err != nil {
		return scaler.World{}, fmt.Errorf("world: %w", err)
	}
	out := w.scaler()
	return out, check(out)
}

// The most of what a world has, which keeps a bad recording from costing memory.
const (
	maxTypes    = 1_000
	maxReplicas = 1_000_000
)

// check tells the first thing that is wrong with a world.
func check(w scaler.World) error {
	q := nodetypes.Request{MaxWorkers: max(w.Settings.MaxWorkers, 1), IdleTimeout: w.Settings.IdleTimeout, UpscalingSpeed: &w.Settings.UpscalingSpeed}
	for i, t := range w.Types {
		key := fmt.Sprintf("world.types[%d].", i)
		if t.Replicas < 0 || t.Replicas > maxReplicas {
			return fail(key+"replicas", fmt.Sprintf("must be within 0…%d", maxReplicas), t.Replicas)
		}
		if t.MaxWorkers > maxReplicas {
			return fail(key+"maxWorkers", fmt.Sprintf("must be at most %d", maxReplicas), t.MaxWorkers)
		}
		q.NodeTypes = append(q.NodeTypes, t.NodeType)
	}
	switch err := q.Validate(); {
	case len(w.Types) > maxTypes:
		return fail("world.types", fmt.Sprintf("must have at most %d entries", maxTypes), len(w.Types))
	case len(w.Workers) > demand.MaxNodes:
		return fail("world.workers", fmt.Sprintf("must have at most %d entries", demand.MaxNodes), len(w.Workers))
	case err != nil:
		return fmt.Errorf("%w: world: %w", ErrRecording, err)
	}
	return nil
}
