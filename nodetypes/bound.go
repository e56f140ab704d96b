package nodetypes

import (
	"math"
	"math/big"
	"strconv"
)

// launchesAtOnce is how many nodes of a type may always join at once
// (UPSCALING_INITIAL_NUM_NODES of Ray's autoscaler v1).
const launchesAtOnce = 5

// UpscalingBound is how many more nodes of a type may be asked for:
//
//	max(5, ⌊speed × max(running, 1)⌋) − joining
//
// The product is exact for the shortest decimal that is this speed. It is
// negative if too many join already, and saturates at math.MaxInt for huge and
// infinite speeds. Launches for minimums, constraints and gangs are not
// subject to it.
func UpscalingBound(speed float64, running, joining int) int {
	return max(launchesAtOnce, floorTimes(speed, max(running, 1))) - joining
}

func floorTimes(speed float64, n int) int {
	if !(speed*float64(n) < math.MaxInt/2) {
		return math.MaxInt
	}
	exact, _ := new(big.Rat).SetString(strconv.FormatFloat(speed, 'g', -1, 64))
	exact.Mul(exact, new(big.Rat).SetInt64(int64(n)))
	return int(new(big.Int).Div(exact.Num(), exact.Denom()).Int64())
}

// launchNow bounds the launches of each type by the nodes that the plan keeps.
func (p *plan) launchNow(launches []Launch) map[string]int {
	now := make(map[string]int, len(launches))
	if len(launches) == 0 {
		return now
	}
	kept := p.keptOfKinds()
	for _, l := range launches {
		c := kept[p.kinds[l.Type].index]
		room := UpscalingBound(*p.UpscalingSpeed, c.running, c.joining)
		if n := min(l.Count(), max(room, l.Exempt())); n > 0 {
			now[l.Type] = n
		}
	}
	return now
}

// census counts nodes.
type census struct{ running, joining int }

// keptOfKinds counts the nodes that the plan keeps, by kind.
func (p *plan) keptOfKinds() []census {
	out := make([]census, len(p.kinds))
	var k *kind
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if i == 0 || n.Type != p.Nodes[i-1].Type {
			k = p.kinds[n.Type]
		}
		switch {
		case n.Status == Draining || p.terminated[i] != keep:
		case n.Status == Running || n.Head:
			out[k.index].running++
		default:
			out[k.index].joining++
		}
	}
	return out
}
