package nats

import "github.com/rayburst/rayburst/demand"

// box holds the newest report of every node of one cluster until it is read.
type box struct {
	at      map[string]int // by node: index in reports
	reports []*demand.Report
	sizes   []int // of the reports, as they came
	size    int   // their sum
	news    bool  // one of them says something new
}

func (b *box) add(r received) {
	b.at[r.report.NodeID] = len(b.reports)
	b.reports, b.sizes = append(b.reports, r.report), append(b.sizes, r.size)
	b.size += r.size
}

func (b *box) replace(i int, r received) {
	b.size += r.size - b.sizes[i]
	b.reports[i], b.sizes[i] = r.report, r.size
}

// empty hands out the reports and leaves the box for others.
func (b *box) empty() []*demand.Report {
	out := b.reports
	clear(b.at)
	*b = box{at: b.at, sizes: b.sizes[:0]}
	return out
}
