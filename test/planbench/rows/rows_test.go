package rows

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rayburst/rayburst/demand"
)

// TestClasses: nodes of n classes differ in n ways, their addresses aside.
func TestClasses(t *testing.T) {
	for _, n := range []int{1, 2, 10, 100, 200} {
		seen := map[string]bool{}
		for _, node := range Classes(200, n).Nodes {
			seen[fmt.Sprint(node.Type, unaddressed(node.Total), unaddressed(node.Available))] = true
		}
		if len(seen) != n {
			t.Errorf("%d classes: got %d", n, len(seen))
		}
	}
}

func unaddressed(r demand.Resources) demand.Resources {
	var out demand.Resources
	for _, e := range r {
		if !strings.HasPrefix(e.Name, "node:") {
			out = append(out, e)
		}
	}
	return out
}
