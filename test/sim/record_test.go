package sim_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/rayburst/rayburst/demand/demandpb"
	"github.com/rayburst/rayburst/scaler/record"
	"github.com/rayburst/rayburst/test/sim"
)

// TestRecordings: the recording of every life of the scaler gives the same
// decisions byte by byte, from its beginning and from the middle.
func TestRecordings(t *testing.T) {
	t.Parallel()
	decisions, files := 0, 0
	for _, scenario := range []func(uint64) sim.Scenario{sim.Small, sim.Large, sim.Agentless, sim.Harsh} {
		for seed := first(); seed < first()+seeds(t, 2); seed++ {
			sc := scenario(seed)
			for _, file := range sim.Run(sc, sim.Quiet, sim.Recorded(1+int(seed*7%60))).Files {
				n, err := replay(file)
				if err != nil {
					t.Fatalf("seed %d, after %d decisions: %v\n%v", seed, n, err, sc)
				}
				decisions += n
				files++
			}
		}
	}
	t.Logf("%d decisions of %d recordings are the same", decisions, files)
}

func replay(file []byte) (decisions int, err error) {
	p, err := record.Open(bytes.NewReader(file), demandpb.UnmarshalReport)
	for err == nil {
		if _, err = p.Next(); err == nil {
			decisions++
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return decisions, err
}
