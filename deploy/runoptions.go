package deploy

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// dockerOption is one of docker run's options and what it does to a pod.
type dockerOption struct {
	short string
	flag  bool // needs no value
	apply func(p *Pod, value string) error
}

// dockerOptions are those that a pod can honour; the last ones have no effect,
// as Ray gives them itself.
var dockerOptions = map[string]dockerOption{
	"add-host":     {apply: addHost},
	"cap-add":      {apply: capability("add")},
	"cap-drop":     {apply: capability("drop")},
	"cpus":         {apply: limitCPUs},
	"device":       {apply: device},
	"dns":          {apply: nameserver},
	"env":          {short: "e", apply: environment},
	"env-file":     {apply: environmentFile},
	"gpus":         {apply: gpus},
	"ipc":          {apply: interprocess},
	"label":        {short: "l", apply: label},
	"memory":       {short: "m", apply: limitMemory},
	"mount":        {apply: mountOption},
	"net":          {apply: network},
	"network":      {apply: network},
	"privileged":   {flag: true, apply: secured("privileged", true)},
	"read-only":    {flag: true, apply: secured("readOnlyRootFilesystem", true)},
	"runtime":      {apply: containerRuntime},
	"security-opt": {apply: securityOption},
	"shm-size":     {apply: sharedMemory},
	"tmpfs":        {apply: temporary},
	"ulimit":       {apply: ulimit},
	"user":         {short: "u", apply: user},
	"volume":       {short: "v", apply: volume},
	"workdir":      {short: "w", apply: workingDir},

	"detach":      {short: "d", flag: true, apply: nothing},
	"interactive": {short: "i", flag: true, apply: nothing},
	"rm":          {flag: true, apply: nothing},
	"tty":         {short: "t", flag: true, apply: nothing},
}

// applied is an option as the flag parser of docker's own command line has it.
type applied struct {
	dockerOption
	pod *Pod
}

// Set does to the pod what the option says.
func (a *applied) Set(value string) error {
	if !a.flag {
		return a.apply(a.pod, value)
	}
	on, err := strconv.ParseBool(value)
	if err != nil {
		return errors.New("must be true or false")
	}
	if on {
		return a.apply(a.pod, value)
	}
	return nil
}

// String is the value if nothing is said.
func (*applied) String() string { return "" }

// Type is what help calls the value.
func (*applied) Type() string { return "value" }

// runOptions does to a pod what a list of docker's options says. Ray joins the
// list to one command line, so an option and its value may be two entries.
func (p *parser) runOptions(list []entry) Pod {
	var pod Pod
	var group []string
	var at entry
	for _, e := range list {
		split, err := words(e.text)
		if err != nil {
			p.fail(e.node, e.key, "must be options of docker run: "+err.Error(), strconv.Quote(e.text))
		}
		for _, w := range split {
			if strings.HasPrefix(w, "-") && len(w) > 1 {
				p.option(&pod, group, at)
				group, at = nil, e
			} else if len(group) == 0 {
				p.fail(e.node, e.key, "must be an option, which begins with '-'", strconv.Quote(w))
			}
			group = append(group, w)
		}
	}
	p.option(&pod, group, at)
	p.devices(&pod, list)
	return pod
}

// option reads one option with its value.
func (p *parser) option(pod *Pod, args []string, at entry) {
	if len(args) == 0 || p.err != nil {
		return
	}
	set := pflag.NewFlagSet("docker", pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	for name, o := range dockerOptions {
		f := set.VarPF(&applied{o, pod}, name, o.short, "")
		if o.flag {
			f.NoOptDefVal = "true"
		}
	}
	err := set.Parse(args)
	var wrong *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &wrong):
		p.fail(at.node, at.key, "--"+wrong.GetFlag().Name+": "+errors.Unwrap(wrong).Error(), strconv.Quote(wrong.GetValue()))
	case errors.As(err, &unknown), errors.Is(err, pflag.ErrHelp):
		p.fail(at.node, at.key, unknownOption(args[0]), strconv.Quote(args[0]))
	case err != nil:
		p.fail(at.node, at.key, "must have a value", strconv.Quote(args[0]))
	case set.NArg() > 0:
		p.fail(at.node, at.key, "must be an option, which begins with '-'", strconv.Quote(set.Arg(0)))
	}
}

func unknownOption(arg string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	best, least := "", len(name)+100
	for _, k := range slices.Sorted(maps.Keys(dockerOptions)) {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	return "is not an option of docker run that a pod can honour; the nearest is --" + best
}

// devices holds that a pod with devices is privileged: without a plugin for
// them Kubernetes gives devices to no other.
func (p *parser) devices(pod *Pod, list []entry) {
	for _, v := range pod.Volumes {
		name, _ := v["name"].(string)
		if strings.HasPrefix(name, "device-") && pod.SecurityContext["privileged"] != true {
			at := list[0]
			for _, e := range list {
				if strings.Contains(e.text, "--device") {
					at = e
				}
			}
			p.fail(at.node, at.key, "--device: must come with --privileged: Kubernetes gives devices to no other container", strconv.Quote(at.text))
		}
	}
}

func nothing(*Pod, string) error { return nil }
