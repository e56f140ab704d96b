package main

import "testing"

func TestTable(t *testing.T) {
	got := string(table([]point{{"tasks", 1, 0.3666}, {"classes", 10_000, 11}}))
	if want := "curve,x,milliseconds\ntasks,1,0.367\nclasses,10000,11.000\n"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
