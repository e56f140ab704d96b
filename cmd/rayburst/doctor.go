package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/rayburst/rayburst/deploy/doctor"
	"github.com/rayburst/rayburst/deploy/doctor/kube"
)

// doctorCmd checks an installed cluster.
type doctorCmd struct {
	kubeFlags
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is what `rayburst doctor --help` adds to the usage.
func (doctorCmd) Help() string {
	return `Looks at KEDA, the scaler and every ScaledObject of ours, and prints what is wrong
with the command that mends it; nothing is changed. It ends with 1 if there are
errors. Without -n all namespaces are looked at.`
}

// doctorTime is for how long the API server may take.
const doctorTime = time.Minute

// Run prints the findings.
func (c *doctorCmd) Run(ctx context.Context) error {
	config, _, err := c.config()
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 50, 100
	reader, err := kube.New(config, c.Namespace)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	snapshot, err := reader.Collect(ctx, time.Now())
	if err != nil {
		return err
	}
	found := doctor.Examine(snapshot)
	if err := c.print(snapshot, found); err != nil {
		return err
	}
	if !doctor.Healthy(found) {
		return exitError{1}
	}
	return nil
}

func (c *doctorCmd) print(s *doctor.Snapshot, found []doctor.Finding) error {
	if c.Output == "json" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(append([]doctor.Finding{}, found...))
	}
	for _, f := range found {
		fmt.Println(f)
	}
	count := map[doctor.Severity]int{}
	for _, f := range found {
		count[f.Severity]++
	}
	fmt.Printf("%d node types: %d errors, %d warnings\n", len(s.Objects), count[doctor.Error], count[doctor.Warning])
	return nil
}
