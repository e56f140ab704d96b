package keda_test

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/keda"
)

// confirm keeps the decision fresh: the same targets once a second.
func (f *fixture) confirm(seconds int, targets string) {
	for range seconds {
		time.Sleep(time.Second)
		f.publish(targets)
	}
	synctest.Wait()
}

func TestStreamIsActive(t *testing.T) {
	tests := map[string]struct {
		story func(f *fixture) *heard
		want  string
	}{
		"on opening, then every 15 s": {func(f *fixture) *heard {
			f.publish("gpu=2/2")
			h := f.listenActive(ref("gpu"))
			f.confirm(46, "gpu=2/2")
			return h
		}, "0:true 15:true 30:true 45:true"},
		"false is repeated too": {func(f *fixture) *heard {
			f.publish("gpu=0/0")
			h := f.listenActive(ref("gpu"))
			f.confirm(16, "gpu=0/0")
			return h
		}, "0:false 15:false"},
		"edges at once, numbers never, the repeat counts from the last message": {func(f *fixture) *heard {
			f.publish("gpu=0/0")
			h := f.listenActive(ref("gpu"))
			f.confirm(3, "gpu=0/0")
			f.publish("gpu=5/0")
			f.confirm(4, "gpu=6/5")
			f.confirm(1, "gpu=0/6")
			f.confirm(17, "gpu=0/0")
			return h
		}, "0:false 3:true 8:false 23:false"},
		"nothing while unknown": {func(f *fixture) *heard {
			h := f.listenActive(ref("gpu"))
			time.Sleep(20 * time.Second)
			f.publish("gpu=2/2")
			time.Sleep(40 * time.Second) // from 10 s on it is too old
			f.unknown("the head is gone")
			time.Sleep(3 * time.Second)
			f.publish("gpu=2/2")
			synctest.Wait()
			f.publish("gpu=0/2")
			return h
		}, "20:true 63:true 63:false"},
		"unknown is no edge": {func(f *fixture) *heard {
			f.publish("gpu=2/2")
			h := f.listenActive(ref("gpu"))
			time.Sleep(2 * time.Second)
			f.unknown("x")
			time.Sleep(2 * time.Second)
			f.confirm(4, "gpu=2/2")
			return h
		}, "0:true"},
		"a change behind an unknown while is an edge": {func(f *fixture) *heard {
			f.publish("gpu=2/2")
			h := f.listenActive(ref("gpu"))
			f.unknown("x")
			time.Sleep(2 * time.Second)
			f.publish("gpu=0/2")
			return h
		}, "0:true 2:false"},
		"a type that appears": {func(f *fixture) *heard {
			f.publish("cpu=1/1")
			h := f.listenActive(ref("gpu"))
			time.Sleep(time.Second)
			f.publish("cpu=1/1 gpu=1/0")
			return h
		}, "1:true"},
		"another type and another cluster are not heard": {func(f *fixture) *heard {
			f.publish("cpu=0/0 gpu=0/0")
			h := f.listenActive(ref("gpu"))
			f.publish("cpu=1/0 gpu=0/0")
			f.Publish(&scaler.Decision{Cluster: scaler.Cluster{Namespace: "ml", Name: "serve"}, At: time.Now(), Targets: []scaler.Target{{Type: "gpu", Workers: 3}}})
			return h
		}, "0:false"},
		"a stream opened within 5 s of an activation waits": {func(f *fixture) *heard {
			f.publish("gpu=0/0")
			f.publish("gpu=3/0")
			f.confirm(2, "gpu=3/1")
			h := f.listenActive(ref("gpu"))
			f.confirm(9, "gpu=3/3")
			return h
		}, "3:true"},
		"unless the activation did not work yet": {func(f *fixture) *heard {
			f.publish("gpu=0/0")
			f.publish("gpu=3/0")
			f.confirm(2, "gpu=3/0")
			h := f.listenActive(ref("gpu"))
			f.confirm(9, "gpu=3/3")
			return h
		}, "0:true"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(f *fixture) { wantHeard(f.T, tc.story(f), tc.want) })
		})
	}
}

func TestStreamMetricSpec(t *testing.T) {
	tests := map[string]struct {
		story func(f *fixture) *heard
		want  string // the targets above Scale, with their seconds
	}{
		"on opening, also when unknown": {func(f *fixture) *heard { return f.listenSpec(ref("gpu")) }, "0:0"},
		"once per change": {func(f *fixture) *heard {
			f.publish("gpu=5/5")
			h := f.listenSpec(ref("gpu"))
			f.confirm(2, "gpu=6/5")
			f.confirm(20, "gpu=6/6")
			f.confirm(1, "gpu=5/6")
			return h
		}, "0:0 1:1 23:2"},
		"none for 0→1 and →0": {func(f *fixture) *heard {
			f.publish("gpu=0/0")
			h := f.listenSpec(ref("gpu"))
			f.confirm(2, "gpu=1/0")
			f.confirm(2, "gpu=1/1")
			f.confirm(2, "gpu=0/1")
			return h
		}, "0:0"},
		"0→N with the first replica": {func(f *fixture) *heard {
			f.publish("gpu=0/0")
			h := f.listenSpec(ref("gpu"))
			f.confirm(3, "gpu=4/0")
			f.confirm(1, "gpu=4/1")
			return h
		}, "0:0 4:1"},
		"an unknown while keeps the number": {func(f *fixture) *heard {
			f.publish("gpu=5/5")
			f.publish("gpu=6/5")
			f.unknown("x")
			time.Sleep(time.Minute)
			return f.listenSpec(ref("gpu"))
		}, "0:1"},
		"so does a type that is gone": {func(f *fixture) *heard {
			f.publish("gpu=5/5")
			f.publish("gpu=6/5")
			f.publish("cpu=1/1")
			h := f.listenSpec(ref("gpu"))
			f.publish("cpu=1/1 gpu=9/6")
			return h
		}, "0:1 0:2"},
		"after sixteen from the beginning": {func(f *fixture) *heard {
			f.publish("gpu=1/1")
			for i := range 15 {
				f.publish(fmt.Sprintf("gpu=%d/1", i+2))
			}
			h := f.listenSpec(ref("gpu"))
			f.confirm(1, "gpu=50/16")
			f.confirm(1, "gpu=51/50")
			return h
		}, "0:15 1:0 2:1"},
		"forgotten": {func(f *fixture) *heard {
			f.publish("gpu=5/5")
			f.publish("gpu=6/5")
			h := f.listenSpec(ref("gpu"))
			f.Forget(train)
			return h
		}, "0:1 0:0"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(f *fixture) {
				h := tc.story(f)
				wantHeard(f.T, h, tc.want)
				last := h.all()[len(h.all())-1]
				if unary := strconv.FormatInt(f.target(ref("gpu"))-keda.Scale, 10); last[len(last)-len(unary):] != unary {
					t.Errorf("GetMetricSpec says %s, streamed last was %s", unary, last)
				}
			})
		})
	}
}

func TestNudgeIsRepeatedOnlyIfTheHPAHasTheTarget(t *testing.T) {
	var has bool
	var asked []int64
	virtual(t, func(f *fixture) {
		f.publish("gpu=5/5")
		h := f.listenSpec(ref("gpu"))
		f.confirm(4, "gpu=6/5")
		has = true
		f.confirm(9, "gpu=6/5")
		wantHeard(f.T, h, "0:0 1:1 5:2 7:3")
		if asked = slices.Compact(asked); fmt.Sprint(asked) != "[1000001 1000002]" {
			t.Errorf("asked whether the HPA has %v", asked)
		}
	}, func(c *keda.Config) {
		c.HPAHasTarget = func(c scaler.Cluster, nodeType string, target int64) bool {
			if c != train || nodeType != "gpu" {
				t.Errorf("asked for %v %q", c, nodeType)
			}
			asked = append(asked, target)
			return has
		}
	})
}

// TestSlowStreamGetsTheLatest: a stream that nobody reads fills its flow
// control window; Publish goes on, others hear everything, and when somebody
// reads again the last message is the latest.
func TestSlowStreamGetsTheLatest(t *testing.T) {
	virtual(t, func(f *fixture) {
		slow, err := f.client.StreamMetricSpec(f.Context(), ref("gpu"))
		if err != nil {
			t.Fatal(err)
		}
		quick := f.listenSpec(ref("gpu"))
		const decisions = 5000
		for i := range decisions {
			f.publish(fmt.Sprintf("gpu=%d/1", i+2))
			synctest.Wait()
		}
		if len(quick.all()) != 1+decisions {
			t.Errorf("the quick stream heard %d", len(quick.all()))
		}
		got := 0
		var last int64
		go func() {
			for m, err := slow.Recv(); err == nil; m, err = slow.Recv() {
				got, last = got+1, onlyTarget(f.T, m)
			}
		}()
		synctest.Wait()
		if got >= decisions || last != f.target(ref("gpu")) {
			t.Errorf("the slow stream heard %d, last %d; now it is %d", got, last, f.target(ref("gpu")))
		}
	})
}

func TestStopEndsStreamsCleanly(t *testing.T) {
	virtual(t, func(f *fixture) {
		f.publish("gpu=2/2")
		active, spec, idle := f.listenActive(ref("gpu")), f.listenSpec(ref("gpu")), f.listenActive(ref("cpu"))
		f.stop()
		synctest.Wait()
		for name, h := range map[string]*heard{"StreamIsActive": active, "StreamMetricSpec": spec, "unknown StreamIsActive": idle} {
			if h.end() != io.EOF {
				t.Errorf("%s ended with %v, want EOF", name, h.end())
			}
		}
		select {
		case err := <-f.served:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("Serve did not return")
		}
	})
}
