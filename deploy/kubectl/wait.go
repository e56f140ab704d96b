package kubectl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

const beat = 500 * time.Millisecond

// ErrFailed says that a head will not become ready without a change.
var ErrFailed = errors.New("the head does not start")

// Progress is told what happens while a head starts.
type Progress interface {
	// Phase is called whenever what is waited for changes.
	Phase(text string)
	// Log is called with each line of the log of Ray's container until it is ready.
	Log(line string)
}

// WaitReady waits until the head of a Ray cluster is ready and returns its pod.
// It fails with ErrFailed and the end of the log if the container does, and with
// the last phase when ctx ends. A head that is there already is not taken if it
// is not newer than `after` says: the UID of a pod that is being replaced.
func (c Client) WaitReady(ctx context.Context, cluster string, after string, tell Progress) (*corev1.Pod, error) {
	w := waiting{Client: c, tell: tell}
	defer w.stopLog()
	for {
		pod, err := c.Head(ctx, cluster)
		switch {
		case err == nil && string(pod.UID) != after:
			if done, err := w.look(ctx, pod); done {
				return pod, err
			}
		case err == nil || errors.Is(err, ErrNoHead):
			w.say("waiting for the head's pod")
		case ctx.Err() == nil:
			return nil, err
		}
		if !sleep(ctx, beat) {
			return nil, fmt.Errorf("waiting for the head (last: %s): %w", w.last, context.Cause(ctx))
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// waiting is what has been said of a head so far.
type waiting struct {
	Client
	tell  Progress
	last  string
	logOf string
	stop  context.CancelFunc
	ended chan struct{}
}

func (w *waiting) say(text string) {
	if text != w.last {
		w.last = text
		w.tell.Phase(text)
	}
}

// look is one look at the pod; done: nothing is to be waited for any more.
func (w *waiting) look(ctx context.Context, pod *corev1.Pod) (done bool, err error) {
	phase := PhaseOf(pod)
	if phase.Running && w.logOf != string(pod.UID) {
		w.follow(ctx, pod)
	}
	w.say(phase.Text)
	switch {
	case phase.Ready:
		return true, nil
	case phase.Failed:
		return true, fmt.Errorf("%w: %s%s", ErrFailed, phase.Text, w.lastWords(ctx, pod))
	}
	return false, nil
}

// follow shows the log from its beginning until stopLog.
func (w *waiting) follow(ctx context.Context, pod *corev1.Pod) {
	w.stopLog()
	ctx, w.stop = context.WithCancel(ctx)
	w.logOf, w.ended = string(pod.UID), make(chan struct{})
	go func() {
		defer close(w.ended)
		in, err := w.logs(pod.Name, corev1.PodLogOptions{Follow: true}).Stream(ctx)
		if err != nil {
			return // its end is shown if the container fails
		}
		defer in.Close()
		for lines := bufio.NewScanner(in); lines.Scan(); {
			w.tell.Log(lines.Text())
		}
	}()
}

func (w *waiting) stopLog() {
	if w.stop != nil {
		w.stop()
		<-w.ended
	}
}

// lastWords are the last lines of a container that failed.
func (w *waiting) lastWords(ctx context.Context, pod *corev1.Pod) string {
	lines := int64(20)
	for _, previous := range []bool{false, true} {
		b, err := w.logs(pod.Name, corev1.PodLogOptions{TailLines: &lines, Previous: previous}).DoRaw(ctx)
		if text := strings.TrimSpace(string(b)); err == nil && text != "" {
			return "\n" + text
		}
	}
	return ""
}

// WaitNoWorkers waits until at most keep workers are there.
func (c Client) WaitNoWorkers(ctx context.Context, cluster string, keep int) error {
	for {
		pods, err := c.all(ctx, cluster)
		if err == nil && count(pods) <= keep {
			return nil
		}
		if !sleep(ctx, beat) {
			return errors.Join(fmt.Errorf("waiting until the workers are gone: %w", context.Cause(ctx)), err)
		}
	}
}

func count(pods []corev1.Pod) (workers int) {
	for _, p := range pods {
		if nodeKind(p) == "worker" {
			workers++
		}
	}
	return workers
}

// End ends all that a Ray cluster still runs, each pod after at most grace, and
// waits until none is left.
func (c Client) End(ctx context.Context, cluster string, grace time.Duration) error {
	told := map[string]bool{}
	for {
		pods, err := c.all(ctx, cluster)
		if err == nil && len(pods) == 0 {
			return nil
		}
		for _, p := range pods {
			if !told[p.Name] && c.Delete(ctx, p.Name, grace) == nil {
				told[p.Name] = true
			}
		}
		if !sleep(ctx, beat) {
			return errors.Join(fmt.Errorf("waiting until %d pods are gone: %w", len(pods), context.Cause(ctx)), err)
		}
	}
}

// logs asks for the log of Ray's container.
func (c Client) logs(pod string, o corev1.PodLogOptions) *rest.Request {
	o.Container = Container
	return c.API.CoreV1().Pods(c.Namespace).GetLogs(pod, &o)
}

// Delete deletes a pod, which has until grace to end; one that is gone is no
// failure.
func (c Client) Delete(ctx context.Context, pod string, grace time.Duration) error {
	seconds := int64(grace.Seconds())
	err := c.API.CoreV1().Pods(c.Namespace).Delete(ctx, pod, metav1.DeleteOptions{GracePeriodSeconds: &seconds})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting pod %s: %w", pod, err)
	}
	return nil
}
