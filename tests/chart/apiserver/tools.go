//go:build tools

// Package apiserver pins the Kubernetes API server that `make chart-test` installs the chart into.
package apiserver

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
