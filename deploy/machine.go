package deploy

import (
	_ "embed" // the table below
	"strconv"
	"strings"
)

// machines is the table of AWS's and Azure's machines; make machines writes it
// anew from its source, which its first lines name.
//
//go:embed machines.txt
var machines string

// machine is what one machine of a cloud has.
type machine struct {
	cpus      int
	mebibytes int64
	// resource is what Ray calls its accelerators (GPU, neuron_cores); empty: it
	// has none. model is Ray's accelerator_type, if it has one.
	resource string
	count    int
	model    string
}

// lookUp is a machine of the table by the cloud's name of its type.
func lookUp(cloud, name string) (machine, bool) {
	if cloud == gcp {
		return gcpMachine(name)
	}
	name = strings.ToLower(name)
	if cloud == azure {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "standard_"), "basic_")
		name = strings.TrimSuffix(name, "_promo") // a price, not a machine
	}
	_, rest, ok := strings.Cut(machines, "\n"+cloud+" "+name+" ")
	if !ok || strings.ContainsAny(name, " \n") {
		return machine{}, false
	}
	line, _, _ := strings.Cut(rest, "\n")
	return parseMachine(strings.Fields(line))
}

// parseMachine reads CPUs, MiB and, if there are accelerators, their resource,
// count and model.
func parseMachine(f []string) (m machine, ok bool) {
	m.cpus, _ = strconv.Atoi(f[0])
	m.mebibytes, _ = strconv.ParseInt(f[1], 10, 64)
	if len(f) > 3 {
		m.resource = f[2]
		m.count, _ = strconv.Atoi(f[3])
	}
	if len(f) > 4 {
		m.model = f[4]
	}
	return m, m.cpus > 0
}

// memoryShare is what Ray leaves of a machine's memory to tasks; the rest is
// its object store.
const memoryShare = 0.7

// fill adds what Ray itself would find on such a machine to the resources that
// are given, which win. Ray finds no memory for the head's type.
func (m machine) fill(units map[string]float64, head bool) {
	found := map[string]float64{"CPU": float64(m.cpus)}
	if !head {
		found["memory"] = float64(int64(float64(m.mebibytes<<20) * memoryShare))
	}
	if m.resource != "" {
		found[m.resource] = float64(m.count)
		if m.model != "" {
			found["accelerator_type:"+m.model] = 1
		}
	}
	for name, v := range found {
		if _, given := units[name]; !given {
			units[name] = v
		}
	}
}
