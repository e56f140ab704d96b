package kubectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rayburst/rayburst/deploy"
)

// PutFiles makes the Secret of a cluster's files, and the namespace if there is
// none. One of that name is the same, as its name is that of its contents.
func (c Client) PutFiles(ctx context.Context, cluster string, f deploy.Files) error {
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.Namespace}}
	if _, err := c.API.CoreV1().Namespaces().Get(ctx, c.Namespace, metav1.GetOptions{}); apierrors.IsNotFound(err) {
		if _, err := c.API.CoreV1().Namespaces().Create(ctx, space, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("making the namespace %s: %w", c.Namespace, err)
		}
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: f.Secret, Labels: f.Labels(cluster)},
		Data:       map[string][]byte{deploy.FilesKey: f.Archive},
	}
	_, err := c.API.CoreV1().Secrets(c.Namespace).Create(ctx, secret, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making the Secret of file_mounts: %w", err)
	}
	return nil
}

// KeepFiles ties the Secret of a cluster's files to its head, with which it
// goes, and deletes older ones but the last, which workers that are being
// replaced may still start from.
func (c Client) KeepFiles(ctx context.Context, cluster string, f deploy.Files) error {
	head, err := c.API.AppsV1().Deployments(c.Namespace).Get(ctx, cluster+"-head", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the head's Deployment: %w", err)
	}
	owner, err := json.Marshal(map[string]any{"metadata": map[string]any{"ownerReferences": []metav1.OwnerReference{
		{APIVersion: "apps/v1", Kind: "Deployment", Name: head.Name, UID: head.UID},
	}}})
	if err != nil {
		return err
	}
	secrets := c.API.CoreV1().Secrets(c.Namespace)
	if _, err := secrets.Patch(ctx, f.Secret, types.MergePatchType, owner, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("tying the Secret of file_mounts to the head: %w", err)
	}
	return c.dropFiles(ctx, cluster, func(s corev1.Secret, younger int) bool { return s.Name != f.Secret && younger > 1 })
}

// DropFiles deletes all Secrets of a cluster's files.
func (c Client) DropFiles(ctx context.Context, cluster string) error {
	return c.dropFiles(ctx, cluster, func(corev1.Secret, int) bool { return true })
}

func (c Client) dropFiles(ctx context.Context, cluster string, drop func(s corev1.Secret, younger int) bool) error {
	secrets := c.API.CoreV1().Secrets(c.Namespace)
	list, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: "rayburst.io/files=true,ray.io/cluster=" + cluster})
	if err != nil {
		return fmt.Errorf("listing the Secrets of file_mounts: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Secret) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	for i, s := range list.Items {
		if !drop(s, i) {
			continue
		}
		if e := secrets.Delete(ctx, s.Name, metav1.DeleteOptions{}); e != nil && !apierrors.IsNotFound(e) {
			err = errors.Join(err, fmt.Errorf("deleting the Secret %s: %w", s.Name, e))
		}
	}
	return err
}
