package nodetypes

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// Trigger is what the metadata of a ScaledObject's trigger say about a node
// type: everything but its minimum and maximum, which are the ScaledObject's
// minReplicaCount and maxReplicaCount. Nil fields were not given.
type Trigger struct {
	// Cluster (rayCluster) is the Ray cluster's name; its namespace is the
	// ScaledObject's. Required.
	Cluster string
	// NodeType (nodeType) is the name that the workers carry in
	// RAY_NODE_TYPE_NAME. Required.
	NodeType string
	// Resources (resources) of one worker. Without them the type can be asked
	// about, but nothing can be planned on it: nil means that the key is
	// missing, an empty object is not nil.
	Resources demand.Resources
	// Labels (labels) of the workers' nodes.
	Labels map[string]string
	// Priority (priority) decides between types that fit equally; higher wins.
	Priority int
	// IdleTimeout (idleTimeoutSeconds) overrides the cluster's.
	IdleTimeout *time.Duration
	// UpscalingSpeed (upscalingSpeed) of the cluster; ≥ 0, +Inf is allowed.
	UpscalingSpeed *float64
	// ClusterMaxWorkers (clusterMaxWorkers) is the cluster's max_workers; ≥ 0.
	ClusterMaxWorkers *int
}

// MetadataError says what is wrong with one key of a trigger's metadata. It is
// the only error type that ParseTrigger returns.
type MetadataError struct {
	Key  string // the key as the user must write it or has written it
	Rule string // what must hold, for instance "must be an integer"
	// Value is what was given; with Missing there is none.
	Value   string
	Missing bool
}

// maxQuoted bounds how much of a value an error repeats, in bytes.
const maxQuoted = 128

// Error is: trigger metadata key "priority": must be an integer (got "high").
func (e *MetadataError) Error() string {
	s := fmt.Sprintf("trigger metadata key %q: %s", e.Key, e.Rule)
	if e.Missing {
		return s
	}
	v, more := e.Value, ""
	if len(v) > maxQuoted {
		v, more = strings.ToValidUTF8(v[:maxQuoted], ""), "…"
	}
	return fmt.Sprintf("%s (got %q%s)", s, v, more)
}

// triggerKey is one key of the metadata that means something to us.
type triggerKey struct {
	name     string
	required bool
	rule     string // said when parse fails without saying more
	parse    func(t *Trigger, value string) error
}

// triggerKeys in the order in which the first error is looked for.
var triggerKeys = []triggerKey{
	{"rayCluster", true, "must be lower-case letters, digits and '-', 63 characters at most",
		func(t *Trigger, v string) error { t.Cluster = v; return matches(clusterName, v) }},
	{"nodeType", true, "must be letters, digits, '-', '_' and '.', 63 characters at most",
		func(t *Trigger, v string) error { t.NodeType = v; return matches(typeName, v) }},
	{"resources", false, "must be a JSON object of name → amount",
		func(t *Trigger, v string) (err error) { t.Resources, err = parseResources(v); return err }},
	{"labels", false, "must be a JSON object of strings or key=value,key=value",
		func(t *Trigger, v string) (err error) { t.Labels, err = parseLabels(v); return err }},
	{"priority", false, "must be an integer",
		func(t *Trigger, v string) (err error) { t.Priority, err = parseInt(v, math.MinInt32); return err }},
	{"idleTimeoutSeconds", false, "must be a number of seconds ≥ 0",
		func(t *Trigger, v string) (err error) { t.IdleTimeout, err = parseSeconds(v); return err }},
	{"upscalingSpeed", false, "must be a number ≥ 0 or inf",
		func(t *Trigger, v string) (err error) { t.UpscalingSpeed, err = parseSpeed(v); return err }},
	{"clusterMaxWorkers", false, "must be an integer ≥ 0",
		func(t *Trigger, v string) error { n, err := parseInt(v, 0); t.ClusterMaxWorkers = &n; return err }},
}

// kedaKeys are KEDA's own (keda pkg/scalers/external_scaler.go); so is every
// key that ends in FromEnv. They reach us because KEDA sends all metadata.
var kedaKeys = []string{"scalerAddress", "enableTLS", "unsafeSsl", "tlsCertFile", "caCert", "tlsClientCert", "tlsClientKey"}

// ParseTrigger reads the metadata of a ScaledObject's trigger. It is strict: a
// value that does not follow its key's rule, a missing required key, and a key
// that looks like a misspelt one of ours are a *MetadataError, always the same
// one for the same metadata. Other unknown keys are ignored.
func ParseTrigger(metadata map[string]string) (Trigger, error) {
	if err := checkSpelling(metadata); err != nil {
		return Trigger{}, err
	}
	var t Trigger
	for _, k := range triggerKeys {
		if err := k.read(&t, metadata); err != nil {
			return Trigger{}, err
		}
	}
	return t, nil
}

func (k triggerKey) read(t *Trigger, metadata map[string]string) error {
	v, ok := metadata[k.name]
	switch {
	case !ok && k.required:
		return &MetadataError{Key: k.name, Rule: "is required", Missing: true}
	case !ok:
		return nil
	}
	err := k.parse(t, v)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errRule):
		return &MetadataError{Key: k.name, Rule: k.rule, Value: v}
	}
	return &MetadataError{Key: k.name, Rule: k.rule + ": " + err.Error(), Value: v}
}

// errRule fails a value with nothing to add to the key's rule.
var errRule = errors.New("does not follow the rule")

// checkSpelling refuses the first key, in order, that is nearly one of ours: a
// misspelt optional key would otherwise mean the default, silently.
func checkSpelling(metadata map[string]string) error {
	near := func(key string) string {
		for _, k := range triggerKeys {
			if strings.EqualFold(key, k.name) || distance(key, k.name) <= 2 {
				return k.name
			}
		}
		return ""
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if known(key) {
			continue
		}
		if name := near(key); name != "" {
			return &MetadataError{Key: key, Rule: fmt.Sprintf("is unknown, did you mean %q?", name), Value: metadata[key]}
		}
	}
	return nil
}

func known(key string) bool {
	return strings.HasSuffix(key, "FromEnv") || slices.Contains(kedaKeys, key) ||
		slices.ContainsFunc(triggerKeys, func(k triggerKey) bool { return k.name == key })
}

// distance is the Levenshtein distance in bytes, or 3 if the lengths alone
// make it more than 2.
func distance(a, b string) int {
	if len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

var (
	clusterName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	typeName    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	// labelKey and labelValue are Kubernetes' syntax, which Ray's node labels share.
	labelKey   = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
	number     = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)
)

func matches(re *regexp.Regexp, v string) error {
	if !re.MatchString(v) {
		return errRule
	}
	return nil
}

// parseInt reads an integer of 32 bits that is at least low.
func parseInt(v string, low int64) (int, error) {
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < low {
		return 0, errRule
	}
	return int(n), nil
}

// maxSeconds is what a time.Duration can hold: 292 years.
const maxSeconds = float64(math.MaxInt64 / int64(time.Second))

func parseSeconds(v string) (*time.Duration, error) {
	if !number.MatchString(v) {
		return nil, errRule
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || f >= maxSeconds {
		return nil, fmt.Errorf("must be less than %.0f", maxSeconds)
	}
	return new(time.Duration(math.Round(f * float64(time.Second)))), nil
}

// parseSpeed takes a number of any size: one above the largest float is +Inf,
// as in YAML and JSON it would be.
func parseSpeed(v string) (*float64, error) {
	if slices.Contains([]string{"inf", "+inf", ".inf", "infinity"}, strings.ToLower(v)) {
		return new(math.Inf(1)), nil
	}
	if !number.MatchString(v) {
		return nil, errRule
	}
	f, _ := strconv.ParseFloat(v, 64) // the only error left is the range, with ±Inf
	return &f, nil
}

// parseResources takes a JSON object whose values are numbers of at most four
// decimals, each name once: Ray counts in 1/10,000.
func parseResources(v string) (demand.Resources, error) {
	units := map[string]float64{}
	err := eachMember(v, func(name string, value any) error {
		n, ok := value.(json.Number)
		if !ok {
			return errRule
		}
		amount, err := parseAmount(n.String())
		if err != nil {
			return fmt.Errorf("resource %q %w", name, err)
		}
		units[name] = amount
		return misnamed(name)
	})
	if err != nil {
		return nil, err
	}
	return demand.NewResources(units)
}

// misnamed refuses Ray's own resources in the wrong case: {"cpu": 8} would be
// a custom resource, and the worker would have no CPU.
func misnamed(name string) error {
	for _, own := range []string{"CPU", "GPU", "TPU", "memory", "object_store_memory"} {
		if name != own && strings.EqualFold(name, own) {
			return fmt.Errorf("resource %q is written %q", name, own)
		}
	}
	return nil
}

// parseAmount reads a number as JSON writes it.
func parseAmount(v string) (float64, error) {
	if !number.MatchString(v) {
		return 0, errors.New("must be a number ≥ 0")
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return 0, errors.New("is too large")
	}
	if decimals(v) > 4 {
		return 0, errors.New("has more than 4 decimals")
	}
	_, err = demand.NewAmount(f)
	return f, err
}

// decimals counts the digits after the decimal point, without trailing zeros,
// once the exponent is applied. The text follows number.
func decimals(v string) int {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(v), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	shift, _ := strconv.Atoi(cmp.Or(exponent, "0"))
	digits := strings.TrimRight(whole+fraction, "0")
	if digits == "" {
		return 0
	}
	return max(0, len(digits)-len(whole)-shift)
}

// parseLabels takes a JSON object of strings, or key=value separated by
// commas as `ray start --labels` does; nothing is no label.
func parseLabels(v string) (map[string]string, error) {
	labels := map[string]string{}
	var err error
	if strings.HasPrefix(v, "{") {
		err = eachMember(v, func(key string, value any) error {
			s, ok := value.(string)
			if !ok {
				return errRule
			}
			labels[key] = s
			return nil
		})
	} else if v != "" {
		err = eachPair(v, labels)
	}
	if err != nil {
		return nil, err
	}
	return labels, checkLabels(labels)
}

func eachPair(v string, labels map[string]string) error {
	for pair := range strings.SplitSeq(v, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return errRule
		}
		key = strings.TrimSpace(key)
		if _, twice := labels[key]; twice {
			return fmt.Errorf("%q is there twice", key)
		}
		labels[key] = strings.TrimSpace(value)
	}
	return nil
}

func checkLabels(labels map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if !labelKey.MatchString(key) {
			return fmt.Errorf("%q is not a label's key", key)
		}
		if !labelValue.MatchString(labels[key]) {
			return fmt.Errorf("%q is not a label's value", labels[key])
		}
	}
	return nil
}

// eachMember calls f for every member of a JSON object, in order. Unlike
// json.Unmarshal it refuses a name that comes twice, the empty name, and
// values that are neither numbers nor strings.
func eachMember(text string, f func(name string, value any) error) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errRule
	}
	seen := map[string]bool{}
	for d.More() {
		name, value, err := member(d)
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("%q is there twice", name)
		}
		seen[name] = true
		if err := f(name, value); err != nil {
			return err
		}
	}
	return closeObject(d)
}

func member(d *json.Decoder) (name string, value any, err error) {
	key, err := d.Token()
	if err != nil {
		return "", nil, errRule
	}
	if value, err = d.Token(); err != nil {
		return "", nil, errRule
	}
	name, _ = key.(string)
	if name == "" {
		return "", nil, errors.New("a name is empty")
	}
	return name, value, nil
}

func closeObject(d *json.Decoder) error {
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return errRule
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errRule
	}
	return nil
}
