{{/* The settings file: `config`, and what the chart knows where `config` does not say it. */}}
{{- define "gateway.settings" -}}
{{- $known := dict -}}
{{- $secrets := "/run/secrets/ipfs-registry" -}}
{{- if .Values.kubo.enabled -}}
{{- $_ := set $known "source" (list "embedded" (printf "kubo=http://%s-kubo:5001" (include "gateway.fullname" .))) -}}
{{- end -}}
{{- if .Values.secrets.htpasswd -}}
{{- $_ := set $known "auth" (printf "htpasswd=%s/htpasswd/htpasswd" $secrets) -}}
{{- if and .Values.ingress.enabled .Values.ingress.tls.enabled -}}
{{- $_ := set $known "public-url" (printf "https://%s" .Values.ingress.host) -}}
{{- end -}}
{{- end -}}
{{- if .Values.secrets.tokenKey -}}
{{- $_ := set $known "token-key" (printf "%s/token-key/token-key" $secrets) -}}
{{- end -}}
{{- if .Values.secrets.tls -}}
{{- $_ := set $known "tls-cert" (printf "%s/tls/tls.crt" $secrets) -}}
{{- $_ := set $known "tls-key" (printf "%s/tls/tls.key" $secrets) -}}
{{- end -}}
{{- range $name, $value := .Values.config -}}
{{- $_ := set $known $name $value -}}
{{- end -}}
{{- toYaml $known -}}
{{- end -}}

{{/* The port of HOST:PORT: (dict "setting" "listen" "address" "0.0.0.0:5000") */}}
{{- define "gateway.port" -}}
{{- if not (regexMatch ":[0-9]+$" .address) -}}
{{- fail (printf "config.%s: must be HOST:PORT, as 0.0.0.0:5000, not %q" .setting .address) -}}
{{- end -}}
{{- if regexMatch "^(127\\.|localhost:|\\[::1\\])" .address -}}
{{- fail (printf "config.%s: %q is reached from within the pod only; take 0.0.0.0:PORT" .setting .address) -}}
{{- end -}}
{{- regexFind "[0-9]+$" .address -}}
{{- end -}}

{{/* What a pod listens at, as a list of { name, port }: what clients use first. */}}
{{- define "gateway.ports" -}}
{{- $config := .Values.config -}}
{{- $registry := include "gateway.port" (dict "setting" "listen" "address" $config.listen) -}}
{{- $ports := list (dict "name" "registry" "port" (int $registry)) -}}
{{- $ipfs := index $config "ipfs-gateway" | default "on" -}}
{{- if not (has $ipfs (list "on" "off")) -}}
{{- $port := include "gateway.port" (dict "setting" "ipfs-gateway" "address" $ipfs) -}}
{{- $ports = append $ports (dict "name" "ipfs" "port" (int $port)) -}}
{{- end -}}
{{- range $config.mirror -}}
{{- $port := include "gateway.port" (dict "setting" "mirror" "address" (regexReplaceAll "=.*" . "")) -}}
{{- $ports = append $ports (dict "name" (printf "mirror-%s" $port) "port" (int $port)) -}}
{{- end -}}
{{- toYaml $ports -}}
{{- end -}}

{{- define "gateway.adminPort" -}}
{{- include "gateway.port" (dict "setting" "admin-listen" "address" (index .Values.config "admin-listen")) -}}
{{- end -}}

{{/* Seconds of a duration as settings have it, 1h30m, rounded up. */}}
{{- define "gateway.seconds" -}}
{{- $seconds := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ms|s|m|h|d)" (toString .) -1 -}}
{{- $count := regexFind "^[0-9.]+" . | float64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $seconds = addf $seconds (mulf $count (get (dict "ms" 0.001 "s" 1 "m" 60 "h" 3600 "d" 86400) $unit)) -}}
{{- end -}}
{{- ceil $seconds | int -}}
{{- end -}}

{{/* "kubo" where pushes go to a Kubo, else "embedded": as the program decides it (--push-to). */}}
{{- define "gateway.pushTo" -}}
{{- $to := index .Values.config "push-to" | default "auto" -}}
{{- if eq $to "auto" -}}
{{- $to = "embedded" -}}
{{- range (include "gateway.settings" . | fromYaml).source -}}
{{- $kind := kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "kind") (toString . | regexFind "^kubo=") -}}
{{- if hasPrefix "kubo" $kind -}}{{- $to = "kubo" -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $to -}}
{{- end -}}
