{{/* What is right for each value by itself, which values.schema.json says, but not together. */}}
{{- define "gateway.checks" -}}
{{- $config := .Values.config -}}
{{- $one := and (eq .Values.mode "deployment") (eq (int .Values.replicas) 1) (not .Values.autoscaling.enabled) -}}
{{- if and (eq .Values.store.kind "claim") (not $one) -}}
{{- fail "store.kind: a claim is the volume of one gateway: it needs mode=deployment, replicas=1 and autoscaling.enabled=false" -}}
{{- end -}}
{{- if $config.push -}}
{{- if and (eq (include "gateway.pushTo" .) "embedded") (or (ne .Values.store.kind "claim") (eq $config.store "memory")) -}}
{{- fail "config.push: what is pushed would be gone with the pod: push into a Kubo (kubo.enabled, or one in config.source), or take store.kind=claim" -}}
{{- end -}}
{{- if and (not .Values.secrets.htpasswd) (has ($config.auth | default "auto") (list "auto")) -}}
{{- fail "config.push: who may push? Name the Secret of a password file (secrets.htpasswd), or say config.auth=none if something in front asks" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.secrets.htpasswd (not .Values.secrets.tokenKey) (not (index $config "token-key")) -}}
{{- fail "secrets.tokenKey: users need it, the same secret for all gateways: kubectl create secret generic NAME --from-literal=token-key=$(openssl rand -hex 32)" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host: an ingress needs the name that clients use" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (eq .Values.mode "daemonset") -}}
{{- fail "autoscaling.enabled: a daemonset has as many pods as there are nodes" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (not .Values.autoscaling.requestsInFlight) (not .Values.autoscaling.cpuPercent) -}}
{{- fail "autoscaling.requestsInFlight: an autoscaler needs this or autoscaling.cpuPercent" -}}
{{- end -}}
{{- if hasKey .Values.files "config.yaml" -}}
{{- fail "files: config.yaml is the name of the settings file itself" -}}
{{- end -}}
{{- end -}}
