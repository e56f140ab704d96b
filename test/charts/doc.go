// Package charts tests the Helm charts with Helm's own packages: what they
// render, what they refuse, and what is written down of them (READMEs and
// examples/manifests). It is a module of its own for the sake of Helm's many
// dependencies. go test . -rewrite rewrites what is compared.
package charts
