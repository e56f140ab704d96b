package upstream_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scaling"
	"github.com/kedacore/keda/v2/pkg/scaling/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestClosedCacheScalesToZero: a ScaledObject that changes while KEDA polls its
// scaler takes a busy target to zero: the poll finds its cache of scalers closed,
// counts that as "not active, no error", and with cooldownPeriod 0 acts on it.
func TestClosedCacheScalesToZero(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes bool
		want    int // writes of 0; once KEDA skips such a poll it is 0 in both cases
	}{{"nothing changes", false, 0}, {"the object changes", true, 1}} {
		t.Run(c.name, func(t *testing.T) {
			if got := zeros(t, c.changes); got != c.want {
				t.Errorf("the target was taken to zero %d times, %d was expected of KEDA 2.21", got, c.want)
			}
		})
	}
}

// zeros counts how often one poll takes the busy target to zero.
func zeros(t *testing.T, changes bool) int {
	t.Helper()
	var l *lab
	var h scaling.ScaleHandler
	var once sync.Once
	change := func() {
		old, err := h.GetScalersCache(t.Context(), scaledObject(""))
		if err != nil {
			t.Error(err)
			return
		}
		changed := scaledObject("127.0.0.1:1")
		changed.Generation++
		if _, err := h.GetScalersCache(t.Context(), changed); err != nil { // as the reconciler does
			t.Error(err)
		}
		awaitClosed(t, old)
	}
	s := always{asked: func() {
		if changes {
			once.Do(change)
		}
	}}
	o := scaledObject(serve(t, s))
	l = newLab(t, deployment(), o)
	h = l.handler()
	handle(t, h, o)
	time.Sleep(2 * time.Second) // the first poll is at once, the next after 30 s
	return l.zeros()
}

func (l *lab) zeros() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, r := range l.written {
		if r == 0 {
			n++
		}
	}
	return n
}

// handle is what a reconcile does with an object that is new or has changed.
func handle(t *testing.T, h scaling.ScaleHandler, o *kedav1alpha1.ScaledObject) {
	t.Helper()
	if _, err := h.GetScalersCache(t.Context(), o); err != nil { // for the HPA's metrics
		t.Fatal(err)
	}
	if err := h.HandleScalableObject(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// change gives the object another generation.
func (l *lab) change(t *testing.T) *kedav1alpha1.ScaledObject {
	t.Helper()
	o := &kedav1alpha1.ScaledObject{}
	if err := l.client.Get(t.Context(), client.ObjectKey{Namespace: "ml", Name: "gpu"}, o); err != nil {
		t.Fatal(err)
	}
	o.Generation++
	if err := l.client.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

func awaitClosed(t *testing.T, c *cache.ScalersCache) {
	for range 1000 {
		if _, _, _, err := c.GetMetricsAndActivityForScaler(t.Context(), -1, ""); errors.Is(err, cache.ErrCacheClosed) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the cache is not closed")
}

// TestChangesRace: the same without holding anything up: in KEDA 2.21 the loop
// that ends and the one that begins close one another's cache, so that most
// changes take a busy target to zero.
func TestChangesRace(t *testing.T) {
	const runs = 12
	hits := 0
	for range runs {
		o := scaledObject(serve(t, always{}))
		l := newLab(t, deployment(), o)
		h := l.handler()
		handle(t, h, o)
		time.Sleep(300 * time.Millisecond) // past the first poll
		before := l.zeros()
		handle(t, h, l.change(t))
		time.Sleep(300 * time.Millisecond) // past the first poll of the new loop
		if l.zeros() > before {
			hits++
		}
	}
	t.Logf("%d of %d changes took the busy target to zero", hits, runs)
	if hits == 0 { // as it should be
		t.Error("no change took the target to zero, most were expected to with KEDA 2.21")
	}
}
