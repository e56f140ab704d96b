package deploy

import (
	"regexp"
	"strconv"
	"strings"
)

// gcpFamily is how many MiB a CPU of a family's machines comes with, as Google
// publishes it (cloud.google.com/compute/docs/machine-resource).
var gcpFamily = map[string]float64{
	"n1-standard": 3840, "n1-highmem": 6656, "n1-highcpu": 921.6,
	"e2-standard": 4096, "e2-highmem": 8192, "e2-highcpu": 1024,
	"n2-standard": 4096, "n2-highmem": 8192, "n2-highcpu": 1024,
	"n2d-standard": 4096, "n2d-highmem": 8192, "n2d-highcpu": 1024,
	"n4-standard": 4096, "n4-highmem": 8192, "n4-highcpu": 2048,
	"c2-standard": 4096, "t2d-standard": 4096, "t2a-standard": 4096, "g2-standard": 4096,
	"c2d-standard": 4096, "c2d-highmem": 8192, "c2d-highcpu": 2048,
	"c3-standard": 4096, "c3-highmem": 8192, "c3-highcpu": 2048,
	"c3d-standard": 4096, "c3d-highmem": 8192, "c3d-highcpu": 2048,
	"c4-standard": 3840, "c4-highmem": 7936, "c4-highcpu": 2048,
}

// gcpPerGPU is what comes with one GPU in families whose names count GPUs.
var gcpPerGPU = map[string]machine{
	"a2-highgpu":  {cpus: 12, mebibytes: 85 << 10, model: "A100"},
	"a2-ultragpu": {cpus: 12, mebibytes: 170 << 10, model: "A100"},
	"a2-megagpu":  {cpus: 6, mebibytes: 85 << 10, model: "A100"},
	"a3-highgpu":  {cpus: 26, mebibytes: 234 << 10, model: "H100"},
	"a3-megagpu":  {cpus: 26, mebibytes: 234 << 10, model: "H100"},
}

// gcpShared are machines with a share of a CPU, which Linux sees as whole ones.
var gcpShared = map[string]machine{
	"e2-micro": {cpus: 2, mebibytes: 1024}, "e2-small": {cpus: 2, mebibytes: 2048}, "e2-medium": {cpus: 2, mebibytes: 4096},
	"f1-micro": {cpus: 1, mebibytes: 614}, "g1-small": {cpus: 1, mebibytes: 1740},
}

var (
	gcpSized  = regexp.MustCompile(`^([a-z0-9]+-[a-z]+)-(\d{1,3})(g?)(-lssd)?$`)
	gcpCustom = regexp.MustCompile(`^(?:[a-z0-9]+-)?custom-(\d{1,3})-(\d{3,8})(-ext)?$`)
	gcpL4s    = map[int]int{24: 2, 48: 4, 96: 8} // of g2-standard by CPUs; else 1
)

// gcpMachine derives a machine from its type's name.
func gcpMachine(name string) (machine, bool) {
	if m, ok := gcpShared[name]; ok {
		return m, true
	}
	if c := gcpCustom.FindStringSubmatch(name); c != nil {
		return parseMachine(c[1:3])
	}
	s := gcpSized.FindStringSubmatch(name)
	if s == nil {
		return machine{}, false
	}
	n, _ := strconv.Atoi(s[2])
	if m, ok := gcpPerGPU[s[1]]; ok && s[3] == "g" {
		return machine{n * m.cpus, int64(n) * m.mebibytes, "GPU", n, m.model}, n > 0
	}
	mebibytes, ok := gcpFamily[s[1]]
	m := machine{cpus: n, mebibytes: int64(float64(n) * mebibytes)}
	if s[1] == "g2-standard" {
		m.resource, m.count, m.model = "GPU", max(1, gcpL4s[n]), "L4"
	}
	return m, ok && s[3] == "" && n > 0
}

var gcpGPU = regexp.MustCompile(`^(?:nvidia-)?(?:tesla-)?([a-z]+\d+[a-z]?)(?:-|$)`)

// gcpModel is what Ray calls Google's acceleratorType: V100 for nvidia-tesla-v100.
func gcpModel(kind string) string {
	if s := gcpGPU.FindStringSubmatch(kind); s != nil {
		return strings.ToUpper(s[1])
	}
	return ""
}

// lastSegment is the name at the end of one of Google's resource paths
// (projects/p/zones/z/machineTypes/n1-standard-8).
func lastSegment(path string) string {
	parts := strings.Split(path, "/")
	return parts[len(parts)-1]
}
