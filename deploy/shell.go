package deploy

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// words splits a text as a shell does. Variables and commands are refused: they
// are another machine's.
func words(text string) ([]string, error) {
	var out []string
	for w, err := range syntax.NewParser(syntax.Variant(syntax.LangBash)).WordsSeq(strings.NewReader(text)) {
		if err != nil {
			return nil, withoutPlace(err)
		}
		s, err := literal(w)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// literal is a word that needs no shell to be known.
func literal(w *syntax.Word) (string, error) {
	s, err := expand.Literal(&expand.Config{Env: expand.ListEnviron(), NoUnset: true}, w)
	if err != nil {
		return "", errors.New("a variable or a command, which is not known here")
	}
	return s, nil
}

// withoutPlace leaves out a syntax error's own line, which is not the file's.
func withoutPlace(err error) error {
	var e syntax.ParseError
	if errors.As(err, &e) {
		return errors.New(e.Text)
	}
	return err
}

// chartFlags are options of `ray start` that the chart decides itself: where
// the head is, and what a node has.
var chartFlags = []string{
	"address", "autoscaling-config", "block", "dashboard-host", "head", "labels", "memory", "metrics-export-port", "no-monitor", "num-cpus",
	"num-gpus", "port", "redis-address", "redis-port", "resources",
}

// startCommands are the commands around `ray start`, which the chart runs
// itself, and its further options. `ray stop` has nothing to stop in a new pod.
func (p *parser) startCommands(c *Cluster, m fields, key string) Pod {
	var out Pod
	started := false
	list := p.texts(m, key)
	for _, e := range list {
		file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(e.text), "")
		if err != nil {
			p.fail(e.node, e.key, "must be a shell command: "+withoutPlace(err).Error(), strconv.Quote(e.text))
			return out
		}
		for _, s := range file.Stmts {
			started = p.statement(&out, e, s) || started
		}
	}
	if len(list) > 0 && !started && p.err == nil {
		c.warnf("%s: has no `ray start`; Ray is started all the same, after these commands", key)
	}
	return out
}

// statement sorts one statement, and tells whether it starts Ray.
func (p *parser) statement(out *Pod, e entry, s *syntax.Stmt) bool {
	if b, ok := s.Cmd.(*syntax.BinaryCmd); ok && b.Op == syntax.AndStmt {
		left := p.statement(out, e, b.X)
		return p.statement(out, e, b.Y) || left
	}
	call, _ := s.Cmd.(*syntax.CallExpr)
	text := printed(s)
	switch {
	case call != nil && isRay(call, "stop"):
		return false
	case call != nil && isRay(call, "start"):
		p.rayStart(out, e, call)
		return true
	case strings.Contains(text, "ray start"):
		p.fail(e.node, e.key, "ray start must be a command of its own", strconv.Quote(e.text))
	}
	out.StartCommands = append(out.StartCommands, text)
	return false
}

func printed(n syntax.Node) string {
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, n); err != nil {
		return err.Error() // a node that was parsed can be printed
	}
	return b.String()
}

func isRay(c *syntax.CallExpr, verb string) bool {
	return len(c.Args) > 1 && c.Args[0].Lit() == "ray" && c.Args[1].Lit() == verb
}

// rayStart keeps the options of `ray start` that are not the chart's.
func (p *parser) rayStart(out *Pod, e entry, call *syntax.CallExpr) {
	for _, a := range call.Assigns {
		out.StartCommands = append(out.StartCommands, "export "+printed(a))
	}
	args := call.Args[2:]
	for i := 0; i < len(args); i++ {
		name, _ := strings.CutPrefix(printed(args[i]), "--")
		name, value, joined := strings.Cut(name, "=")
		word := args[i]
		if !joined && i+1 < len(args) && !strings.HasPrefix(printed(args[i+1]), "--") {
			i++
			word, value = args[i], printed(args[i])
		}
		if slices.Contains(chartFlags, name) {
			continue
		}
		text, err := literal(word)
		if err != nil || !strings.HasPrefix(printed(call.Args[2]), "-") {
			p.fail(e.node, e.key, "--"+name+" must have a value that is known here", strconv.Quote(value))
			return
		}
		out.start(name, strings.TrimPrefix(text, "--"+name+"="))
		if text == "--"+name {
			out.start(name, "")
		}
	}
}
