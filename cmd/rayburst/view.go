package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	tea "charm.land/bubbletea/v2"

	"github.com/rayburst/rayburst/scaler"
)

// view shows a run: a live table on a terminal, else one line per change on
// standard error, so that the command's output stays alone on standard output.
type view struct {
	program *tea.Program // nil: lines
	done    chan struct{}
	mu      sync.Mutex
	last    uint64
}

func newView(s *session, end context.CancelFunc) *view {
	v := &view{done: make(chan struct{})}
	if s.Plain || !isTerminal(os.Stdout) || !isTerminal(os.Stderr) {
		close(v.done)
		return v
	}
	v.program = tea.NewProgram(table{end: end}, tea.WithoutSignalHandler(), tea.WithInput(nil), tea.WithOutput(os.Stderr))
	go func() {
		defer close(v.done)
		if _, err := v.program.Run(); err != nil {
			s.log.Warn("live view ended", "error", err)
		}
	}()
	return v
}

// line shows one change.
func (v *view) line(text string) {
	if v.program != nil {
		v.program.Println(text)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintln(os.Stderr, text)
}

// decision refreshes the live table.
func (v *view) decision(d *scaler.Decision) {
	if v.program != nil {
		v.program.Send(d)
		return
	}
	if d.Unknown != "" && d.Seq != v.last && d.Seq > 1 {
		v.line(unknown(d))
	}
	v.last = d.Seq
}

// unknown says that nothing is known.
func unknown(d *scaler.Decision) string {
	return "state unknown: " + d.Unknown + "; every target is held"
}

// close ends the live view; what was shown stays.
func (v *view) close() {
	if v.program != nil {
		v.program.Quit()
		<-v.done
	}
}

func (v *view) summary(text string) {
	v.close()
	fmt.Fprint(os.Stderr, "\n"+text)
}

// output is where the command writes: straight through, or above the table.
func (v *view) output(w *os.File) io.Writer {
	if v.program == nil {
		return w
	}
	return &above{view: v}
}

// above prints whole lines above the live table.
type above struct {
	view *view
	rest []byte
}

// Write never fails.
func (a *above) Write(p []byte) (int, error) {
	a.rest = append(a.rest, p...)
	for {
		i := bytes.IndexByte(a.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		a.view.program.Println(string(a.rest[:i]))
		a.rest = a.rest[i+1:]
	}
}

// table is the live view's model: the last decision.
type table struct {
	end      context.CancelFunc
	decision *scaler.Decision
}

// Init starts nothing.
func (t table) Init() tea.Cmd { return nil }

// Update takes a new decision.
func (t table) Update(m tea.Msg) (tea.Model, tea.Cmd) {
	switch m := m.(type) {
	case *scaler.Decision:
		t.decision = m
	case tea.KeyPressMsg:
		if m.String() == "ctrl+c" {
			t.end()
		}
	}
	return t, nil
}

// View draws the last decision.
func (t table) View() tea.View {
	if t.decision == nil {
		return tea.NewView("waiting for Ray's head …")
	}
	return tea.NewView("\n" + t.decision.Status())
}
