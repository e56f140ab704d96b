// Command lab runs a real one-node Kubernetes for the end-to-end tests: etcd,
// API server, controller manager, scheduler, kube-proxy and a kubelet on
// containerd as processes; CoreDNS and KEDA as pods. All of it lives in one
// network namespace without an uplink: pods have addresses, Services, DNS,
// admission webhooks and NetworkPolicy work, and nothing can leave. The
// programs are built from Go modules pinned in mods/; containerd, runc and the
// like are Debian's. It needs root on Linux, x86-64.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const usage = `usage: lab [-dir DIR] COMMAND

  build             build what .cache/e2e/bin lacks
  up                start everything, return when it is ready; -h lists its flags
  exec CMD…         run a command inside: the cluster's network and DNS, kubectl, helm
  image NAME USER ENTRYPOINT ITEM…
                    make a one-layer image and load it; an item is HOST=PATH,
                    dir:PATH[:MODE], link:PATH=TARGET or text:PATH=CONTENT
  rayburst-image    build and load docker.io/local/rayburst:dev
  ray-image         load docker.io/local/ray:dev, say what its pods must mount
  halt NAME         end a process of the cluster as a crash would, e.g. kube-apiserver
  resume NAME       start it again; inside
  kwok              add fake nodes; -nodes says how many
  down              end and remove everything but the logs
`

// commands are run by name with their arguments.
var commands = map[string]func(lab, []string) error{
	"build":          func(l lab, _ []string) error { return l.build() },
	"up":             lab.up,
	"start":          lab.start, // by up, inside
	"policies":       func(l lab, _ []string) error { return l.policies() },
	"exec":           lab.exec,
	"image":          lab.image,
	"rayburst-image": func(l lab, _ []string) error { return l.rayburstImage() },
	"ray-image":      lab.rayImage,
	"halt":           lab.halt,
	"resume":         lab.resume,
	"kwok":           lab.kwok,
	"fake":           lab.fake, // by kwok, inside
	"down":           func(l lab, _ []string) error { return l.down() },
}

func main() {
	switch err := run(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	dir := flags.String("dir", defaultDir(), "state and logs: a short path")
	if err := flags.Parse(args); err != nil {
		return err
	}
	command, ok := commands[flags.Arg(0)]
	if !ok {
		flags.Usage()
		return flag.ErrHelp
	}
	if err := platform(); err != nil {
		return err
	}
	l, err := newLab(*dir)
	if err != nil {
		return err
	}
	return command(l, flags.Args()[1:])
}

// dirVariable tells what runs inside which lab that is.
const dirVariable = "RAYBURST_LAB_DIR"

func defaultDir() string {
	if dir := os.Getenv(dirVariable); dir != "" {
		return dir
	}
	return filepath.Join(os.TempDir(), "rayburst-e2e")
}
