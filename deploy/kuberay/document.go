package kuberay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// documents are a file's YAML documents as JSON knows them, empty ones left out.
func documents(b []byte) ([]any, error) {
	var out []any
	for d := yaml.NewDecoder(bytes.NewReader(b)); ; {
		var v any
		switch err := d.Decode(&v); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("%w: %s", ErrManifest, strings.TrimPrefix(err.Error(), "yaml: "))
		case v == nil:
			continue
		}
		doc, err := asJSON(v)
		if err != nil {
			return nil, fmt.Errorf("%w: document %d: must be what JSON can say: %w", ErrManifest, len(out)+1, err)
		}
		out = append(out, doc)
	}
}

// asJSON is a value of mappings, lists, texts, json.Number, true, false and nil.
func asJSON(v any) (out any, err error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err = d.Decode(&out)
	return out, err
}

// plain is anything as a mapping of what JSON has.
func plain(v any) (out map[string]any, err error) {
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

// YAML is a value as a YAML document, its keys sorted.
func YAML(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	var n yaml.Node
	if err := yaml.Unmarshal(b, &n); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	block(&n)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&n); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return out.Bytes(), nil
}

// block writes all that is not empty over several lines, and texts in quotes
// only where they need them.
func block(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode && len(n.Content) > 0 {
		n.Style = 0
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		n.Style = 0
		n.SetString(n.Value)
	}
	for _, c := range n.Content {
		block(c)
	}
}
