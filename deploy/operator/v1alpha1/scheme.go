package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AddToScheme makes RayClusters known.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &RayCluster{}, &RayClusterList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
