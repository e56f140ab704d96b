package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// What KubeRay's autoscaler sidecar asks for by default (its
// ray-operator/controllers/ray/common/pod.go): one beside every head.
const (
	sidecarCores = 0.5
	sidecarMiB   = 512
)

// The goals, for the scaler and NATS together.
const (
	goalCores = 0.25
	goalMiB   = 150
)

// decided waits until the state of every cluster is known.
func (b *bench) decided() error {
	return b.await("all clusters decided", 5*time.Minute, func() bool {
		return int(b.counts()["rayburst_cluster_known"]) == b.clusters
	})
}

// counts are the sums of the scaler's metrics over their labels.
func (b *bench) counts() map[string]float64 {
	reply, err := http.Get("http://" + b.httpAddress + "/metrics")
	if err != nil {
		return nil
	}
	defer reply.Body.Close()
	out := map[string]float64{}
	for s := bufio.NewScanner(reply.Body); s.Scan(); {
		i := strings.LastIndexByte(s.Text(), ' ')
		name, _, _ := strings.Cut(s.Text()[:max(i, 0)], "{")
		if v, err := strconv.ParseFloat(s.Text()[i+1:], 64); err == nil {
			out[name] += v
		}
	}
	return out
}

// usage is the CPU seconds that a process has used, and its resident MiB.
type usage struct{ cpu, mib float64 }

func usageOf(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, fmt.Errorf("it has ended: %w", err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return usage{}, fmt.Errorf("it has ended: %w", err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	_, resident, _ := strings.Cut(string(status), "VmRSS:")
	kib, _ := strconv.ParseFloat(strings.Fields(resident + " 0")[0], 64)
	return usage{(user + system) / 100, kib / 1024}, nil
}

// figures are those of one process within the measured time: its memory is the
// most of it.
type figures struct{ cores, mib float64 }

// report measures and prints the table.
func (b *bench) report() error {
	before, began := b.counts(), time.Now()
	pids := []int{b.scaler, b.nats}
	out, err := b.watch(pids)
	if err != nil {
		return err
	}
	seconds, after := time.Since(began).Seconds(), b.counts()
	rate := func(name string) float64 { return (after[name] - before[name]) / seconds }
	b.say("measured for %.0f s: %.0f reports/s, %.0f decisions/s, %.0f overtaken/s, %.0f dropped/s, %.0f of %d clusters known\n", seconds,
		rate("rayburst_reports_total"), rate("rayburst_decisions_total"), rate("rayburst_reports_replaced_total"),
		rate("rayburst_reports_poison_total")+rate("rayburst_reports_overflow_total"), after["rayburst_cluster_known"], b.clusters)
	b.table(out[0], out[1])
	return nil
}

// watch follows processes for the measured time.
func (b *bench) watch(pids []int) ([]figures, error) {
	out, first, began := make([]figures, len(pids)), make([]usage, len(pids)), time.Now()
	for n := 0; ; n++ {
		seconds := max(1, time.Since(began).Seconds())
		for i, pid := range pids {
			u, err := usageOf(pid)
			if err != nil {
				return nil, err
			}
			if n == 0 {
				first[i] = u
			}
			out[i] = figures{(u.cpu - first[i].cpu) / seconds, max(out[i].mib, u.mib)}
		}
		if time.Since(began) >= b.measure {
			return out, nil
		}
		if err := b.pause(time.Second); err != nil {
			return nil, err
		}
	}
}

func (b *bench) table(scaler, nats figures) {
	n := float64(b.clusters)
	fmt.Println("| | scaler | NATS | both | goal | KubeRay's sidecars reserve |\n|---|---|---|---|---|---|")
	fmt.Printf("| CPU, cores | %.3f | %.3f | %.3f | %.2f | %.0f |\n",
		scaler.cores, nats.cores, scaler.cores+nats.cores, goalCores, n*sidecarCores)
	fmt.Printf("| resident memory, MiB, the most within the time | %.0f | %.0f | %.0f | %d | %.0f |\n",
		scaler.mib, nats.mib, scaler.mib+nats.mib, goalMiB, n*sidecarMiB)
}
