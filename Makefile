# Everything the project needs it installs itself: Python packages into .cache/, tools into bin/.
# Needed beforehand: Go 1.26, Python 3.10 or later with venv, a C compiler for the race detector, make.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
RAY_VERSION := 2.60.0
RAY         := $(CURDIR)/.cache/ray-$(RAY_VERSION)
LINT        := v2.15.0
CONTROLLER_GEN := v0.23.0
HELM_DOCS   := v1.14.2
GOTESTSUM   := v1.13.0
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PYTHON      ?= python3
# Packages whose tests start real Ray clusters: each needs the machine for itself.
RAY_TESTS   := ./test/ray/...
# Packages with goroutines of their own that compile fast with the race detector. The others are values and functions
# (test/rules holds that they start no goroutine) or bring Kubernetes' and Helm's thousand packages: make race takes all.
RACE        := ./demand/demandpb/... ./demand/nats/... ./demand/ray/... ./scaler/httpapi/... ./scaler/keda/... ./scaler/loop/... ./deploy/pod/... ./deploy/local/...
LIST        := go list ./... | grep -v -e /test/ray -e '/test/e2e$$'
REST         = $$($(LIST) | grep -vxFf <(go list $(RACE)))
# Of make chart-docs.
CHARTS      ?= $(CURDIR)/charts
# Of make parity.
N           ?= 10000
SEED        ?= $(shell date +%s)

# One way to compile for all but the race detector, so that a fresh machine compiles once.
export CGO_ENABLED := 0
export RAYBURST_RAY := $(RAY)/bin/ray
export PATH := $(RAY)/bin:$(CURDIR)/bin:$(PATH)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/rayburst, and what else the image has
	go build -ldflags "-s -w -X main.version=$(VERSION)" -o bin/ ./cmd/rayburst ./cmd/rayburst-nats ./cmd/rayburst-pod ./cmd/rayburst-scaler

$(RAY)/done:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.10 or later is needed: install it, or say where it is with PYTHON=…"; exit 1; }
	$(PYTHON) -m venv --clear $(RAY)
	$(RAY)/bin/pip install --quiet --disable-pip-version-check ray==$(RAY_VERSION)
	touch $@

.PHONY: ray
ray: $(RAY)/done ## Install Ray into .cache/

.PHONY: demo
demo: build ray ## A burst on this machine: 40 GPU tasks and CPU tasks, workers appear and go
	bin/rayburst local --wait-idle examples/local/burst.yaml -- python examples/local/burst.py

# Ray's tests mostly wait; the others run in the time that they leave, once all is compiled.
.PHONY: test
test: build ray ## All tests, real Ray included
	go build ./...
	CGO_ENABLED=1 go build -race $(RACE)
	$(MAKE) --no-print-directory -j2 test-go test-ray

.PHONY: test-go
test-go: ray
	CGO_ENABLED=1 nice -n 19 go test -race -ldflags='-s -w' -shuffle=on $(RACE)
	nice -n 19 go test -ldflags='-s -w' -shuffle=on $(REST)

.PHONY: test-ray
test-ray: build ray
	RAYBURST_BINARY=$(CURDIR)/bin/rayburst go test -count=1 -timeout 30m $(RAY_TESTS)

.PHONY: race
race: build ray ## The race detector over all tests but those of real clusters (5 min)
	CGO_ENABLED=1 go test -race -ldflags='-s -w' -shuffle=on $$($(LIST))

.PHONY: test-keda
test-keda: ## KEDA's own client against our server (compiles 3,000 packages)
	cd test/keda && go test -count=1 -timeout 30m ./...

.PHONY: test-chart
test-chart: ## The picture of docs/benchmarks.md is that of its figures
	cd test/chart && go vet ./... && go test -count=1 ./...

.PHONY: test-charts
test-charts: ## Charts: lint, goldens, schemas, examples/manifests
	cd test/charts && go vet ./... && go test -count=1 ./...

.PHONY: chart-golden
chart-golden: ## Rewrite what the charts are compared with, examples/manifests and their READMEs: review the diff
	cd test/charts && go test -count=1 ./... -rewrite

.PHONY: chart-docs
chart-docs: ## Rewrite the charts' README.md from their values.yaml
	go run github.com/norwoodj/helm-docs/cmd/helm-docs@$(HELM_DOCS) --log-level warning --chart-search-root $(CHARTS)

.PHONY: e2e-build
e2e-build: bin/lab ## Build Kubernetes, etcd, CoreDNS, KEDA, helm and kwok (the first time 15 min)
	bin/lab build

.PHONY: e2e-up
e2e-up: e2e-build ## A real one-node Kubernetes with KEDA, then: bin/lab exec kubectl get pods -A
	bin/lab up $(E2E)

.PHONY: e2e
e2e: e2e-build build ray bin/gotestsum-$(GOTESTSUM) ## Ray clusters on a real Kubernetes with KEDA (40 min, the first time an hour; needs root and Debian)
	go test -c -o /dev/null ./test/e2e
	bin/lab down
	bin/lab up -keda-qps 200 -keda-burst 400 && bin/lab rayburst-image && bin/lab ray-image && bin/lab kwok -nodes 6 && \
	  bin/lab exec bin/gotestsum-$(GOTESTSUM) --format standard-verbose --rerun-fails=1 --packages ./test/e2e -- \
	    -count=1 -parallel 3 -timeout 70m $(E2ETEST); rc=$$?; bin/lab down; exit $$rc

bin/gotestsum-$(GOTESTSUM):
	GOBIN=$(CURDIR)/bin go install gotest.tools/gotestsum@$(GOTESTSUM)
	mv bin/gotestsum $@

.PHONY: timeline
timeline: ## In the cluster of e2e-up: record a scale-up and a scale-down, drawn as docs/timeline.svg
	bin/lab exec env TIMELINE=$(CURDIR)/docs/timeline.csv go test -v -count=1 -run '^TestTimeline$$' ./test/e2e
	cd test/chart && go run . timeline ../../docs/timeline.csv ../../docs/timeline.svg

.PHONY: e2e-down
e2e-down: bin/lab ## End the Kubernetes of e2e-up
	bin/lab down

.PHONY: bin/lab
bin/lab:
	go build -o $@ ./test/e2e/lab

.PHONY: parity
parity: ray ## Plans of N (10000) random cases compared with those of Ray's own scheduler
	go run ./test/parity -n $(N) -seed $(SEED) -processes 2 $(PARITY)

.PHONY: mutate
mutate: ## Break the planner's rules one by one: its tests must notice each (4 min)
	go run ./test/mutate

.PHONY: soak
soak: build ray ## 60 runs each for over-provisioning and a burst loop of 10 minutes, on real Ray
	go run ./test/soak $(SOAK)

.PHONY: sim
sim: ## 10,000 simulations of 1…6 tasks or actors in virtual time (3 min)
	SIM=10000 go test -count=1 -timeout 30m -run Small ./test/sim

.PHONY: bench
bench: ray ## The planner's table: our time and Ray's, with equal answers (2 min)
	go run ./test/parity -bench

.PHONY: bench-full
bench-full: ray ## The same, asking Ray also where it needs minutes or hours
	go run ./test/parity -bench -full

.PHONY: picture
picture: ray ## make bench, its growth drawn as docs/planner-growth.svg (2 min)
	go run ./test/parity -bench -csv docs/planner-growth.csv
	cd test/chart && go run . ../../docs/planner-growth.csv ../../docs/planner-growth.svg

.PHONY: bench-burst
bench-burst: build ray ## 100 bursts on real Ray, and Ray's own autoscaler with the same tasks
	go run ./test/bench

.PHONY: bench-fleet
bench-fleet: e2e-build build ## CPU and memory of the scaler and NATS with 100 clusters of 100 workers (2 min)
	go run ./test/fleet $(FLEET)

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME (30s)
	@go list ./... | while read -r p; do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-30s} $$p; done; done

.PHONY: golden
golden: ray ## Rewrite the expected results of the text scenarios, of rayburst up and convert, and of Ray's own YAMLs: review the diff
	go test ./demand ./nodetypes ./scaler ./scaler/record ./deploy/helm ./deploy/kuberay ./deploy/doctor -rewrite
	go test ./test/examples -run Wheel -rewrite

.PHONY: generate
generate: bin/protoc-gen-go ## Generate code from the .proto files
	@test -x .cache/protoc/bin/python || { $(PYTHON) -m venv .cache/protoc; .cache/protoc/bin/pip install -q grpcio-tools==1.82.1; }
	.cache/protoc/bin/python -m grpc_tools.protoc -I demand/ray/proto -I demand/demandpb --go_out=. --go_opt=module=github.com/rayburst/rayburst \
	  --go-grpc_out=. --go-grpc_opt=module=github.com/rayburst/rayburst \
	  ray/common.proto ray/gcs.proto ray/gcs_service.proto ray/autoscaler.proto ray/node_manager.proto report.proto

.PHONY: generate-crd
generate-crd: bin/controller-gen-$(CONTROLLER_GEN) ## Rewrite the CRD and the deep copies of RayClusters from their Go types
	bin/controller-gen-$(CONTROLLER_GEN) object crd:allowDangerousTypes=true,maxDescLen=200 paths=./deploy/operator/v1alpha1 output:crd:dir=charts/rayburst/files

bin/controller-gen-$(CONTROLLER_GEN):
	GOBIN=$(CURDIR)/bin go install sigs.k8s.io/controller-tools/cmd/controller-gen@$(CONTROLLER_GEN)
	mv bin/controller-gen $@

.PHONY: machines
machines: ## Rewrite what is known of the clouds' machines, from the source that deploy/generate/go.mod names
	cd deploy/generate && go run . > ../machines.new && mv ../machines.new ../machines.txt

bin/protoc-gen-go: go.mod
	GOBIN=$(CURDIR)/bin go install google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc

bin/golangci-lint-$(LINT):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT)
	mv bin/golangci-lint $@

.PHONY: lint
lint: bin/golangci-lint-$(LINT) ## go vet and golangci-lint
	go vet ./...
	bin/golangci-lint-$(LINT) run ./...

.PHONY: verify
verify: generate generate-crd lint ## Generated code is up to date, linters are clean
	git diff --exit-code

.PHONY: clean
clean: ## Remove what was built and installed
	rm -rf bin .cache
