package ray

import (
	"context"
	"encoding/hex"

	"github.com/rayburst/rayburst/demand/ray/autoscalerpb"
	"github.com/rayburst/rayburst/demand/ray/gcspb"
)

// nodeTable keeps what only the GCS's node table knows of a node (is it the
// head, when did it start). None of it changes, so it is read again only when
// a node appears.
type nodeTable struct {
	gcs   *GCS
	known map[string]*gcspb.GcsNodeInfo
}

func (t *nodeTable) rows(ctx context.Context, nodes []*autoscalerpb.NodeState) (map[string]*gcspb.GcsNodeInfo, error) {
	for _, n := range nodes {
		if n.GetStatus() == autoscalerpb.NodeStatus_DEAD || t.known[hex.EncodeToString(n.GetNodeId())] != nil {
			continue
		}
		return t.read(ctx)
	}
	return t.known, nil
}

func (t *nodeTable) read(ctx context.Context) (map[string]*gcspb.GcsNodeInfo, error) {
	rows, err := t.gcs.AliveNodes(ctx)
	if err != nil {
		return nil, err
	}
	t.known = make(map[string]*gcspb.GcsNodeInfo, len(rows))
	for _, n := range rows {
		t.known[nodeID(n)] = n
	}
	return t.known, nil
}
