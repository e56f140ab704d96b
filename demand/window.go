package demand

import (
	"slices"
	"time"
)

// grain bounds the memory of a window: ends within this of a first one are
// merged, on the side that lets demand seem smaller or capacity larger. A
// window is longer by up to a grain so, and never by more.
const grain = 20 * time.Millisecond

// least is the least value that a step function had within a window. It keeps
// descending minima: past values in increasing order, each with the moment at
// which it ended. With only a window given it has always been 0.
type least struct {
	window time.Duration
	now    int64
	past   []step
}

// step is a value of the past. Moments are in nanoseconds since 1970.
type step struct {
	value int64
	first int64 // of the ends merged in it
	end   int64
}

// set makes v the value from at on.
func (l *least) set(v int64, at time.Time) {
	t := at.UnixNano()
	l.expire(t)
	if v > l.now {
		l.push(step{l.now, t, t})
	}
	l.now = v
	for n := len(l.past); n > 0 && l.past[n-1].value >= v; n-- {
		l.past = l.past[:n-1]
	}
}

func (l *least) push(s step) {
	for n := len(l.past); n > 0 && l.past[n-1].value >= s.value; n-- {
		l.past = l.past[:n-1]
	}
	if n := len(l.past); n > 0 && s.end-l.past[n-1].first < int64(grain) {
		l.past[n-1].end = s.end
		return
	}
	l.past = append(l.past, s)
}

// over is the least value within the window that ends now.
func (l *least) over(now time.Time) int64 {
	l.expire(now.UnixNano())
	if len(l.past) > 0 {
		return l.past[0].value
	}
	return l.now
}

func (l *least) expire(now int64) {
	i, before := 0, now-int64(l.window)
	for i < len(l.past) && l.past[i].end < before {
		i++
	}
	l.past = l.past[i:]
}

// next is when over could rise although set is not called; zero: never.
func (l *least) next() time.Time {
	if len(l.past) == 0 {
		return time.Time{}
	}
	return moment(l.past[0].end + int64(l.window) + 1)
}

func moment(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }

// most is, per resource, the largest amount that a bundle had within a
// window. Of the past it keeps what had more of something than there is now.
type most struct {
	window time.Duration
	now    Resources
	past   []pastResources
}

type pastResources struct {
	Value Resources `json:"value"`
	First time.Time `json:"first"` // of the ends merged in it
	End   time.Time `json:"end"`
}

// set makes r the bundle from at on.
func (m *most) set(r Resources, at time.Time) {
	m.expire(at)
	if m.now != nil && slices.Equal(m.now, r) {
		return
	}
	if n := len(m.past); n > 0 && at.Sub(m.past[n-1].First) < grain {
		m.past[n-1].Value, m.past[n-1].End = m.past[n-1].Value.Max(m.now), at
	} else if m.now != nil {
		m.past = append(m.past, pastResources{m.now, at, at})
	}
	m.now = r
	m.past = slices.DeleteFunc(m.past, func(p pastResources) bool { return r.Fits(p.Value) })
}

// over is the largest bundle within the window that ends now.
func (m *most) over(now time.Time) Resources {
	m.expire(now)
	out := m.now
	for _, p := range m.past {
		out = out.Max(p.Value)
	}
	return out
}

func (m *most) expire(now time.Time) {
	i, before := 0, now.Add(-m.window)
	for i < len(m.past) && m.past[i].End.Before(before) {
		i++
	}
	m.past = m.past[i:]
}

// next is when over could fall although set is not called; zero: never.
func (m *most) next() time.Time {
	if len(m.past) == 0 {
		return time.Time{}
	}
	return m.past[0].End.Add(m.window + time.Nanosecond)
}
