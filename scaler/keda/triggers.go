package keda

import (
	"maps"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// maxTriggers bounds what triggers keeps: some 2 KB each.
const maxTriggers = 10_000

// triggers keeps what the metadata of node types said last: KEDA sends them with
// each call, and they seldom change.
type triggers struct {
	last *lru.Cache[key, parsed]
}

type parsed struct {
	metadata map[string]string
	trigger  nodetypes.Trigger
}

func newTriggers() triggers {
	last, _ := lru.New[key, parsed](maxTriggers) // fails only for a size below 1
	return triggers{last}
}

// parse is ParseTrigger; neither the metadata nor what it returns may be changed.
func (t triggers) parse(namespace string, metadata map[string]string) (nodetypes.Trigger, error) {
	k := key{scaler.Cluster{Namespace: namespace, Name: metadata["rayCluster"]}, metadata["nodeType"]}
	if p, ok := t.last.Get(k); ok && maps.Equal(p.metadata, metadata) {
		return p.trigger, nil
	}
	trigger, err := nodetypes.ParseTrigger(metadata)
	if err == nil {
		t.last.Add(k, parsed{metadata, trigger})
	}
	return trigger, err
}
