package main

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// question is a case to be answered by both.
type question struct {
	name  string
	level string
	raw   []byte
	// written is the answer that the case comes with, if any.
	written *answer
}

// verdict is what both say to a question.
type verdict struct {
	question
	ours, ray answer
}

// same tells whether both agree, with each other and with what is written.
func (v verdict) same() bool {
	return v.ours.equal(v.ray) && (v.written == nil || v.written.equal(v.ray))
}

// planner answers a case; it fails for cases that are not valid.
type planner func(raw []byte) (answer, error)

// rayburst is what `rayburst plan` does.
func rayburst(raw []byte) (answer, error) {
	c, err := plancase.Decode(raw)
	if err != nil {
		return answer{}, err
	}
	out, err := c.Encode(nodetypes.Schedule(c.Request))
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(out)
}

// compare asks the planner and this many processes of Ray's scheduler, and
// hands each verdict to take, one at a time. It ends with the first error.
func compare(ctx context.Context, python string, processes int, plan planner, questions iter.Seq[question], take func(verdict) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	asked, verdicts := make(chan question), make(chan verdict)
	go func() {
		defer close(asked)
		for q := range questions {
			if !put(ctx, asked, q) {
				return
			}
		}
	}()
	var workers sync.WaitGroup
	for range processes {
		workers.Go(func() {
			if err := answerAll(ctx, python, plan, asked, verdicts); err != nil {
				cancel(err)
			}
		})
	}
	go func() {
		workers.Wait()
		close(verdicts)
	}()
	for v := range verdicts {
		if err := take(v); err != nil {
			cancel(err)
		}
	}
	return context.Cause(ctx)
}

// put is false if the context ended first.
func put[T any](ctx context.Context, c chan<- T, v T) bool {
	select {
	case c <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// onTheWay is how many cases wait for a process, which so never waits for us.
const onTheWay = 32

func answerAll(ctx context.Context, python string, plan planner, asked <-chan question, verdicts chan<- verdict) (err error) {
	ray, err := startScheduler(ctx, python)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ray.stop()) }()
	sent := make(chan question, onTheWay)
	go func() {
		defer close(sent)
		for q := range asked {
			// A failure to send shows where the answer is missing.
			if !put(ctx, sent, q) || ray.send(q.raw) != nil {
				return
			}
		}
	}()
	for q := range sent {
		v := verdict{question: q}
		if v.ours, err = plan(q.raw); err != nil {
			v.ours.Error = err.Error()
		}
		if v.ray, err = ray.receive(); err != nil {
			return err
		}
		put(ctx, verdicts, v)
	}
	return nil
}
