package demand

import "time"

// grain bounds the memory of a window: ends closer together than this are
// merged, on the side that lets demand seem smaller or capacity larger.
const grain = 20 * time.Millisecond

// least is the least value that a step function had within a window. It keeps
// descending minima: past values in increasing order, each with the moment at
// which it ended. The zero value has always been 0.
type least struct {
	now  int64
	past []step
}

type step struct {
	value int64
	end   time.Time
}

// set makes v the value from at on.
func (l *least) set(v int64, at time.Time) {
	if v > l.now {
		l.push(step{l.now, at})
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
	if n := len(l.past); n > 0 && s.end.Sub(l.past[n-1].end) < grain {
		l.past[n-1].end = s.end
		return
	}
	l.past = append(l.past, s)
}

// over is the least value within the window that ends now.
func (l *least) over(window time.Duration, now time.Time) int64 {
	l.expire(now.Add(-window))
	if len(l.past) > 0 {
		return l.past[0].value
	}
	return l.now
}

func (l *least) expire(before time.Time) {
	i := 0
	for i < len(l.past) && l.past[i].end.Before(before) {
		i++
	}
	l.past = l.past[i:]
}

// next is when over could rise although set is not called; zero: never.
func (l *least) next(window time.Duration) time.Time {
	if len(l.past) == 0 {
		return time.Time{}
	}
	return l.past[0].end.Add(window + time.Nanosecond)
}

// most is, per resource, the largest amount that a bundle had within a
// window.
type most struct {
	now  Resources
	past []pastResources
}

type pastResources struct {
	value Resources
	end   time.Time
}

// set makes r the bundle from at on.
func (m *most) set(r Resources, at time.Time) {
	if n := len(m.past); n > 0 && at.Sub(m.past[n-1].end) < grain {
		m.past[n-1] = pastResources{m.past[n-1].value.Max(m.now), at}
	} else if m.now != nil {
		m.past = append(m.past, pastResources{m.now, at})
	}
	m.now = r
}

// over is the largest bundle within the window that ends now.
func (m *most) over(window time.Duration, now time.Time) Resources {
	before, i := now.Add(-window), 0
	for i < len(m.past) && m.past[i].end.Before(before) {
		i++
	}
	m.past = m.past[i:]
	out := m.now
	for _, p := range m.past {
		out = out.Max(p.value)
	}
	return out
}

// next is when over could fall although set is not called; zero: never.
func (m *most) next(window time.Duration) time.Time {
	if len(m.past) == 0 {
		return time.Time{}
	}
	return m.past[0].end.Add(window + time.Nanosecond)
}
