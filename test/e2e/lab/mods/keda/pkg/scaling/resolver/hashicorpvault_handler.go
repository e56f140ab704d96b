package resolver

import (
	"errors"
	"net/url"
	"strings"

	"github.com/go-logr/logr"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scalers/authentication"
)

// DefaultVaultKubernetesAuthTokenFile is as released.
const DefaultVaultKubernetesAuthTokenFile = "/var/run/secrets/keda-vault/token"

var errTrimmed = errors.New("not in this build")

// vaultAddressesEqual compares two Vault addresses by scheme+host+port, ignoring path and trailing
// slashes, to avoid trivial allowlist bypasses via string prefixing.
func vaultAddressesEqual(a, b string) bool {
	ua, erra := url.Parse(strings.TrimSpace(a))
	ub, errb := url.Parse(strings.TrimSpace(b))
	if erra != nil || errb != nil {
		return false
	}
	if ua.User != nil || ub.User != nil || ua.Hostname() == "" || ub.Hostname() == "" {
		return false
	}
	if ua.Scheme != "http" && ua.Scheme != "https" || ub.Scheme != "http" && ub.Scheme != "https" {
		return false
	}
	return strings.EqualFold(ua.Scheme, ub.Scheme) && strings.EqualFold(ua.Host, ub.Host)
}

type HashicorpVaultHandler struct{}

func NewHashicorpVaultHandler(*kedav1alpha1.HashiCorpVault, *authentication.AuthClientSet, string) *HashicorpVaultHandler {
	return &HashicorpVaultHandler{}
}
func (*HashicorpVaultHandler) Initialize(logr.Logger) error { return errTrimmed }
func (*HashicorpVaultHandler) Stop()                        {}
func (*HashicorpVaultHandler) ResolveSecrets([]kedav1alpha1.VaultSecret) ([]kedav1alpha1.VaultSecret, error) {
	return nil, errTrimmed
}
