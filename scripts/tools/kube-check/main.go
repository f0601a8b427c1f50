// Kube-check says of each object in the YAML on its standard input what an API server would say that is asked to create
// it. It is made of the API server's own code: decoding that takes no unknown or repeated field, defaults, and the
// strategies that prepare and validate what is created. Pods are held to the Pod Security Standard `restricted` as well,
// and objects of the Prometheus operator are read as its own types.
//
// Of each object it prints one line of JSON: its kind, its name, why it would be refused, and what of it is not restricted.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	strict "k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	"k8s.io/kubernetes/pkg/registry/apps/daemonset"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
	"k8s.io/kubernetes/pkg/registry/networking/ingress"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// Those of the simple kinds of the core come with half of the API server; there it is the validation alone.
var strategies = map[string]rest.RESTCreateStrategy{
	"DaemonSet":               daemonset.Strategy,
	"Deployment":              deployment.Strategy,
	"HorizontalPodAutoscaler": horizontalpodautoscaler.Strategy,
	"Ingress":                 ingress.Strategy,
	"NetworkPolicy":           networkpolicy.Strategy,
	"PodDisruptionBudget":     poddisruptionbudget.Strategy,
	"StatefulSet":             statefulset.Strategy,
}

type verdict struct {
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Refused    string `json:"refused,omitempty"`
	Restricted string `json:"restricted,omitempty"`
}

func main() {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	output := json.NewEncoder(os.Stdout)
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var head metav1.PartialObjectMetadata
		if err == nil {
			err = yaml.Unmarshal(document, &head)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if head.Kind == "" {
			continue
		}
		said := verdict{Kind: head.Kind, Name: head.Name}
		if said.Restricted, err = create(head, document); err != nil {
			said.Refused = err.Error()
		}
		if err := output.Encode(said); err != nil {
			os.Exit(1)
		}
	}
}

// What of the object's pods is not restricted, and why the object would be refused.
func create(head metav1.PartialObjectMetadata, document []byte) (string, error) {
	switch head.Kind {
	case "ServiceMonitor":
		return "", yaml.UnmarshalStrict(document, &monitoring.ServiceMonitor{})
	case "PrometheusRule":
		return "", yaml.UnmarshalStrict(document, &monitoring.PrometheusRule{})
	}
	scheme := legacyscheme.Scheme
	options := strict.SerializerOptions{Yaml: true, Strict: true}
	object, kind, err := strict.NewSerializerWithOptions(strict.DefaultMetaFactory, scheme, scheme, options).Decode(document, nil, nil)
	if err != nil {
		return "", err
	}
	scheme.Default(object)
	violations, err := violationsOf(object)
	if err != nil {
		return "", err
	}
	internal, err := scheme.ConvertToVersion(object, runtime.InternalGroupVersioner)
	if err != nil {
		return violations, err
	}
	switch simple := internal.(type) {
	case *core.ConfigMap:
		return "", validation.ValidateConfigMap(simple).ToAggregate()
	case *core.PersistentVolumeClaim:
		options := validation.ValidationOptionsForPersistentVolumeClaim(simple, nil)
		return "", validation.ValidatePersistentVolumeClaim(simple, options).ToAggregate()
	case *core.Service:
		// As its strategy does it.
		if simple.Spec.ClusterIP != "" {
			simple.Spec.ClusterIPs = []string{simple.Spec.ClusterIP}
		}
		return "", validation.ValidateServiceCreate(simple).ToAggregate()
	case *core.ServiceAccount:
		return "", validation.ValidateServiceAccount(simple).ToAggregate()
	}
	strategy, known := strategies[head.Kind]
	if !known {
		return violations, fmt.Errorf("kube-check does not know the kind %s", head.Kind)
	}
	metadata, err := meta.Accessor(internal)
	if err != nil {
		return violations, err
	}
	rest.FillObjectMetaSystemFields(metadata)
	ctx := request.WithNamespace(context.Background(), head.Namespace)
	ctx = request.WithRequestInfo(ctx, &request.RequestInfo{
		IsResourceRequest: true, Verb: "create", APIGroup: kind.Group, APIVersion: kind.Version, Namespace: head.Namespace,
	})
	return violations, rest.BeforeCreate(strategy, ctx, internal)
}

func violationsOf(object runtime.Object) (string, error) {
	var template *corev1.PodTemplateSpec
	switch workload := object.(type) {
	case *appsv1.Deployment:
		template = &workload.Spec.Template
	case *appsv1.DaemonSet:
		template = &workload.Spec.Template
	case *appsv1.StatefulSet:
		template = &workload.Spec.Template
	default:
		return "", nil
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return "", err
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec))
	return result.ForbiddenDetail(), nil
}
