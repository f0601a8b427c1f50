{{/* The Secrets that are mounted below /run/secrets/ipfs-registry: name of the folder, and of the Secret. */}}
{{- define "gateway.secrets" -}}
{{- with .Values.secrets -}}
{{- $all := dict "htpasswd" .htpasswd "token-key" .tokenKey "tls" .tls "credentials" .credentials "ca" .ca -}}
{{- $given := dict -}}
{{- range $folder, $secret := $all }}{{- if $secret }}{{- $_ := set $given $folder $secret }}{{- end }}{{- end -}}
{{- toYaml $given -}}
{{- end -}}
{{- end -}}

{{/* What a gateway's pod is, in a Deployment and a DaemonSet. */}}
{{- define "gateway.pod" -}}
{{- $onDisk := ne .Values.config.store "memory" -}}
{{- $secrets := include "gateway.secrets" . | fromYaml -}}
{{- $ownKeys := and .Values.secrets.ipnsKeys $onDisk (eq (include "gateway.pushTo" .) "embedded") -}}
{{- $daemonset := eq .Values.mode "daemonset" -}}
metadata:
  # Not those of versions: a new chart is no reason for new pods.
  labels:
    {{- include "gateway.selector" (dict "root" . "component" "gateway") | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    # Changed settings are new pods.
    checksum/settings: {{ include "gateway.settings" . | sha256sum }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "gateway.serviceAccountName" . }}
  automountServiceAccountToken: false
  # Addresses of Services would come as environment variables that look like settings.
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  # The gateway ends what is under way, publishes names and closes the store.
  terminationGracePeriodSeconds: {{ add (int .Values.preStopSeconds) (include "gateway.seconds" (index .Values.config "shutdown-grace")) 10 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: gateway
      image: {{ include "gateway.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      env:
        - { name: IPFS_REGISTRY_CONFIG, value: /etc/ipfs-registry/config.yaml }
        # The image has these, and the environment wins over the file: empty, they are not set.
        - { name: IPFS_REGISTRY_LISTEN, value: '' }
        - { name: IPFS_REGISTRY_ADMIN_LISTEN, value: '' }
        - { name: IPFS_REGISTRY_STORE, value: '' }
        {{- if .Values.secrets.ca }}
        - { name: NODE_EXTRA_CA_CERTS, value: /run/secrets/ipfs-registry/ca/ca.crt }
        {{- end }}
        {{- with .Values.env }}{{ toYaml . | nindent 8 }}{{ end }}
      ports:
        {{- range include "gateway.ports" . | fromYamlArray }}
        - name: {{ .name }}
          containerPort: {{ .port }}
          {{- if $daemonset }}
          hostPort: {{ .port }}
          {{- with $.Values.daemonset.hostIP }}
          hostIP: {{ . }}
          {{- end }}
          {{- end }}
        {{- end }}
        - name: admin
          containerPort: {{ include "gateway.adminPort" . }}
      # Opening a large store, or waiting for the volume, may take a while.
      startupProbe:
        httpGet: { path: /livez, port: admin }
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /livez, port: admin }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: admin }
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      {{- if .Values.preStopSeconds }}
      lifecycle:
        preStop:
          sleep: { seconds: {{ .Values.preStopSeconds }} }
      {{- end }}
      resources: {{ toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: settings, mountPath: /etc/ipfs-registry, readOnly: true }
        {{- if $onDisk }}
        - { name: store, mountPath: {{ .Values.config.store }} }
        {{- end }}
        # Where an archive that is published is unpacked.
        - { name: tmp, mountPath: /tmp }
        {{- range $folder, $_ := $secrets }}
        - { name: {{ $folder }}, mountPath: /run/secrets/ipfs-registry/{{ $folder }}, readOnly: true }
        {{- end }}
        {{- if $ownKeys }}
        - { name: ipns-keys, mountPath: {{ .Values.config.store }}/keys, readOnly: true }
        {{- end }}
  volumes:
    - name: settings
      configMap: { name: {{ include "gateway.fullname" . }} }
    {{- if $onDisk }}
    - name: store
      {{- include "gateway.storeVolume" . | nindent 6 }}
    {{- end }}
    - name: tmp
      emptyDir: {}
    {{- range $folder, $secret := $secrets }}
    - name: {{ $folder }}
      secret: { secretName: {{ $secret }}, defaultMode: 0440 }
    {{- end }}
    {{- if $ownKeys }}
    - name: ipns-keys
      secret: { secretName: {{ .Values.secrets.ipnsKeys }}, defaultMode: 0440 }
    {{- end }}
  {{- if and .Values.spread.enabled (not $daemonset) }}
  # Of one revision: in a rollout the old ones do not count.
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: {{ $.Values.spread.whenUnsatisfiable }}
      matchLabelKeys: [pod-template-hash]
      labelSelector:
        matchLabels:
          {{- include "gateway.selector" (dict "root" $ "component" "gateway") | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "gateway.storeVolume" -}}
{{- with .Values.store -}}
{{- if eq .kind "emptyDir" -}}
emptyDir: { sizeLimit: {{ .size }} }
{{- else if eq .kind "hostPath" -}}
hostPath: { path: {{ .hostPath }}, type: Directory }
{{- else if eq .kind "claim" -}}
persistentVolumeClaim: { claimName: {{ default (printf "%s-store" (include "gateway.fullname" $)) .existingClaim }} }
{{- else -}}
ephemeral:
  volumeClaimTemplate:
    metadata:
      labels:
        {{- include "gateway.selector" (dict "root" $ "component" "gateway") | nindent 8 }}
    spec:
      {{- include "gateway.claim" . | nindent 6 }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What is asked for by a volume claim: { size, storageClass } */}}
{{- define "gateway.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests: { storage: {{ .size }} }
{{- end -}}
