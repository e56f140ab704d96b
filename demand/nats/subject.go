// Package nats carries reports and control messages over core NATS: no
// storage, no acknowledgement; every report is a full snapshot, so what is
// lost heals with the next one.
package nats

import (
	"fmt"
	"strings"

	"github.com/rayburst/rayburst/demand"
)

// The subjects are rayburst.v1.<namespace>.<cluster>.report.<node id> and
// rayburst.v1.<namespace>.<cluster>.control.<node id, or head>.
const (
	prefix     = "rayburst.v1."
	allReports = prefix + "*.*.report.*"
	// Head is the control token of a cluster's head.
	Head = "head"
)

func reportSubject(c demand.Cluster, node string) string {
	return prefix + c.Namespace + "." + c.Name + ".report." + node
}

func controlSubject(c demand.Cluster, node string) string {
	return prefix + c.Namespace + "." + c.Name + ".control." + node
}

// parseReportSubject is the inverse of reportSubject.
func parseReportSubject(s string) (demand.Cluster, string, error) {
	var t [6]string
	n := 0
	for part := range strings.SplitSeq(s, ".") {
		if n < len(t) {
			t[n] = part
		}
		n++
	}
	if n != len(t) || t[4] != "report" {
		return demand.Cluster{}, "", fmt.Errorf("%w: subject: must be %s (got %.200q)", demand.ErrReport, allReports, s)
	}
	return demand.Cluster{Namespace: t[2], Name: t[3]}, t[5], nil
}
