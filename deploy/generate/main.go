// Command generate prints deploy/machines.txt: what the machines of AWS and
// Azure have, from a Go module that follows ec2instances.info.
package main

import (
	"fmt"
	"log"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	clouds "github.com/LeanerCloud/ec2-instances-info"
)

// module is the source's own path; go.mod says where it is kept.
const module = "github.com/LeanerCloud/ec2-instances-info"

// machine is one line of the table.
type machine struct {
	cloud, name string
	cpus        int
	mebibytes   int64
	resource    string // that the accelerators are; empty: it has none
	count       int
	model       string
}

func (m machine) String() string {
	out := fmt.Sprintf("%s %s %d %d", m.cloud, m.name, m.cpus, m.mebibytes)
	if m.resource != "" {
		out += fmt.Sprintf(" %s %d %s", m.resource, m.count, m.model)
	}
	return out
}

func main() {
	log.SetFlags(0)
	aws, err := clouds.Data()
	if err != nil {
		log.Fatal(err)
	}
	where, version, _ := strings.Cut(list("{{if .Replace}}{{.Replace}}{{else}}{{.}}{{end}}"), " ")
	azure, err := azureData()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("# What machines have: cloud, name, CPUs, MiB of memory, and accelerators: resource, count, model.\n"+
		"# Made by make machines from %s %s (the data of %s): change that, not this.\n", where, version, dateOf(version))
	var lines []string
	for _, i := range *aws {
		lines = append(lines, fromAWS(i).String())
	}
	for _, i := range azure {
		lines = append(lines, fromAzure(i).String())
	}
	slices.Sort(lines)
	fmt.Println(strings.Join(slices.Compact(lines), "\n"))
}

// azureData reads the file that the module has but does not embed.
func azureData() ([]clouds.AzureInstanceData, error) {
	if err := os.Chdir(list("{{.Dir}}")); err != nil {
		return nil, err
	}
	data, err := clouds.AzureData()
	if err != nil {
		return nil, err
	}
	return *data, nil
}

// list is what `go list` says of the source.
func list(format string) string {
	out, err := exec.Command("go", "list", "-m", "-f", format, module).Output()
	if err != nil {
		log.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// dateOf is the day in a pseudo-version.
func dateOf(version string) string {
	d := regexp.MustCompile(`-(\d{4})(\d\d)(\d\d)\d{6}-`).FindStringSubmatch(version)
	if d == nil {
		return "that version"
	}
	return strings.Join(d[1:], "-")
}

// boards are machines whose boards have two GPUs; the data counts boards.
var boards = []string{"p2.8xlarge", "p2.16xlarge"}

func fromAWS(i clouds.EC2Instance) machine {
	m := machine{cloud: "aws", name: i.InstanceType, cpus: i.VCPU, mebibytes: int64(math.Round(float64(i.Memory) * 1024))}
	family, _, _ := strings.Cut(i.InstanceType, ".")
	switch {
	case slices.Contains([]string{"inf2", "trn1", "trn1n"}, family): // two cores a chip
		m.resource, m.count, m.model = "neuron_cores", 2*i.GPU, "aws-neuron-core"
	case slices.Contains([]string{"inf1", "trn2"}, family): // which Ray does not know, or the data
	case i.GPU > 0:
		m.resource, m.count, m.model = "GPU", i.GPU, models[family]
		if slices.Contains(boards, i.InstanceType) {
			m.count = 2 * i.GPU
		}
		if m.model == "" {
			log.Fatalf("%s: which GPUs has the family %s?", i.InstanceType, family)
		}
	}
	return m
}

// models are the GPUs of AWS's families, as EC2 and Ray name them; the
// module's type leaves them out.
var models = map[string]string{
	"g2": "K520", "g3": "M60", "g3s": "M60", "g4ad": "Radeon-Pro-V520", "g4dn": "T4", "g5": "A10G", "g5g": "T4g", "g6": "L4", "g6e": "L40S",
	"gr6": "L4", "p2": "K80", "p3": "V100", "p3dn": "V100", "p4d": "A100", "p4de": "A100", "p5": "H100", "p5e": "H200", "p5en": "H200",
}

var (
	azurePrefix = regexp.MustCompile(`^(Standard|Basic) `)
	azureModel  = regexp.MustCompile(` (A10|A100|H100|H200|T4|MI300X|MA35D|[Vv]620|[Vv]710)\b`)
	azureShare  = regexp.MustCompile(`-(\d+)`) // E16-4ads: 4 of 16 CPUs
	azureGPUs   = regexp.MustCompile(`^(\d+)(/\d+)?(?:th)?[xX]? ?(?:([A-Z]+\d+[A-Z]*))?`)
)

func fromAzure(i clouds.AzureInstanceData) machine {
	name := azurePrefix.ReplaceAllString(i.PrettyNameAzure, "")
	m := machine{cloud: "azure", cpus: i.VCPU, mebibytes: int64(math.Round(float64(i.Memory) * 1024))}
	m.name = strings.ToLower(strings.ReplaceAll(name, " ", "_"))
	if m.name == "nd96asr_a100_v4" { // the only one that is called by less
		m.name = "nd96asr_v4"
	}
	if s := azureShare.FindStringSubmatch(m.name); s != nil {
		m.cpus, _ = strconv.Atoi(s[1])
	}
	gpus := azureGPUs.FindStringSubmatch(i.GPU)
	if gpus == nil || gpus[1] == "0" || strings.Contains(i.GPU, "ASIC") {
		return m
	}
	m.resource, m.model = "GPU", gpus[3]
	m.count, _ = strconv.Atoi(gpus[1]) // a third of one is one to its virtual machine
	if inName := azureModel.FindStringSubmatch(name); m.model == "" && inName != nil {
		m.model = strings.ToUpper(inName[1])
	}
	return m
}
