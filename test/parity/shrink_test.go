package main

import (
	"strconv"
	"strings"
	"testing"
)

func TestShrink(t *testing.T) {
	const raw = `{"a": [{"n": 1000, "x": "y"}, {"n": 7}, {"n": 0.25}], "b": {"c": {"d": true, "e": null}}, "f": -3}`
	for _, c := range []struct{ keep, want string }{
		{``, `{}`},
		{`"a"`, `{"a":[]}`},
		{`"n"`, `{"a":[{"n":1}]}`},
		{`"y"`, `{"a":[{"x":"y"}]}`},
		{`true`, `{"b":{"c":{"d":true}}}`},
		{`-3`, `{"f":-3}`},
		{`:7`, `{"a":[{"n":7}]}`},
		{`},{`, `{"a":[{},{}]}`},
	} {
		got := shrink([]byte(raw), func(b []byte) bool { return strings.Contains(string(b), c.keep) })
		if string(got) != c.want {
			t.Errorf("keeping %s: %s, not %s", c.keep, got, c.want)
		}
	}
}

func TestShrinkNumbers(t *testing.T) {
	for in, want := range map[string]string{"17179869184": "40", "90": "40", "4000.5": "40", "0.5": "0.5", "1000000007": "40", "3e9": "3e9"} {
		got := shrink([]byte(in), func(b []byte) bool {
			n, err := strconv.ParseFloat(string(b), 64)
			return err == nil && (n >= 40 || n == 0.5)
		})
		if string(got) != want {
			t.Errorf("%s: %s, not %s", in, got, want)
		}
	}
}
