package kubectl

import (
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/kubectl/pkg/util/term"
	"k8s.io/streaming/pkg/httpstream"
)

// Command is what runs in Ray's container of a pod.
type Command struct {
	Pod            string
	Args           []string
	Stdin          io.Reader // nil: none
	Stdout, Stderr io.Writer
	// Terminal gives the command a terminal: Stdin, if it is one, is raw meanwhile,
	// and Stderr is not used.
	Terminal bool
}

// ExitError says that a command ran and failed.
type ExitError struct{ Code int }

// Error names the exit code.
func (e ExitError) Error() string { return fmt.Sprintf("the command's exit code is %d", e.Code) }

// Exec runs a command to its end. It fails with an ExitError if the command does.
func (c Client) Exec(ctx context.Context, cmd Command) error {
	executor, err := c.executor(cmd)
	if err != nil {
		return fmt.Errorf("running a command in pod %s: %w", cmd.Pod, err)
	}
	streams := remotecommand.StreamOptions{Stdin: cmd.Stdin, Stdout: cmd.Stdout, Stderr: cmd.Stderr, Tty: cmd.Terminal}
	if !cmd.Terminal {
		return cmd.failed(executor.StreamWithContext(ctx, streams))
	}
	streams.Stderr = nil // the terminal has both
	tty := term.TTY{In: cmd.Stdin, Out: cmd.Stdout, Raw: true}
	if size := tty.GetSize(); size != nil {
		streams.TerminalSizeQueue = sizes{tty.MonitorSize(size)}
	}
	return cmd.failed(tty.Safe(func() error { return executor.StreamWithContext(ctx, streams) }))
}

// sizes are those of the terminal as the executor asks for them.
type sizes struct{ term.TerminalSizeQueue }

// Next waits for the next size; nil ends it.
func (s sizes) Next() *remotecommand.TerminalSize {
	size := s.TerminalSizeQueue.Next()
	if size == nil {
		return nil
	}
	return &remotecommand.TerminalSize{Width: size.Width, Height: size.Height}
}

func (cmd Command) failed(err error) error {
	var exit utilexec.CodeExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return ExitError{Code: exit.Code}
	}
	return fmt.Errorf("running a command in pod %s: %w", cmd.Pod, err)
}

// executor speaks WebSocket, or SPDY where the API server or a proxy before it
// cannot.
func (c Client) executor(cmd Command) (remotecommand.Executor, error) {
	url := c.API.CoreV1().RESTClient().Post().Resource("pods").Namespace(c.Namespace).Name(cmd.Pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: Container, Command: cmd.Args,
			Stdin: cmd.Stdin != nil, Stdout: true, Stderr: !cmd.Terminal, TTY: cmd.Terminal,
		}, scheme.ParameterCodec).URL()
	spdy, err := remotecommand.NewSPDYExecutor(c.Config, "POST", url)
	if err != nil {
		return nil, err
	}
	web, err := remotecommand.NewWebSocketExecutor(c.Config, "GET", url.String())
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(web, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}
