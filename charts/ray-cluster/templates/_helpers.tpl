{{- define "ray.labels" -}}
app.kubernetes.io/name: ray
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
ray.io/cluster: {{ .Release.Name }}
{{- end }}
{{- define "ray.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- define "ray.natsURL" -}}
{{ .Values.rayburst.natsURL | default (printf "nats://%s-nats.%s.svc:4222" .Values.rayburst.release .Values.rayburst.namespace) }}
{{- end }}
{{- define "ray.secret" -}}
{{ .Values.auth.existingSecret | default (printf "%s-auth" .Release.Name) }}
{{- end }}

{{/* ray.quantity: a Kubernetes quantity as a plain number (thousandths for CPUs). */}}
{{- define "ray.milli" -}}
{{- $q := toString . -}}
{{- if hasSuffix "m" $q }}{{ trimSuffix "m" $q }}{{ else }}{{ mulf (float64 $q) 1000 | int64 }}{{ end -}}
{{- end }}
{{- define "ray.bytes" -}}
{{- $q := toString . -}}
{{- $found := false -}}
{{- range $unit, $size := dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- if hasSuffix $unit $q }}{{ $found = true }}{{ mulf (float64 (trimSuffix $unit $q)) $size | int64 }}{{ end -}}
{{- end -}}
{{- if not $found -}}
{{- range $unit, $size := dict "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 -}}
{{- if hasSuffix $unit $q }}{{ $found = true }}{{ mulf (float64 (trimSuffix $unit $q)) $size | int64 }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if not $found }}{{ float64 $q | int64 }}{{ end -}}
{{- end }}

{{/* ray.resources: what Ray is told of a worker, as JSON. */}}
{{- define "ray.resources" -}}
{{- $r := .resources | default dict -}}
{{- $all := merge (dict) ($r.limits | default dict) ($r.requests | default dict) -}}
{{- $out := dict -}}
{{- with $all.cpu }}{{ $_ := set $out "CPU" (divf (float64 (include "ray.milli" .)) 1000 | ceil | int64) }}{{ end -}}
{{- with $all.memory }}{{ $_ := set $out "memory" (include "ray.bytes" . | int64) }}{{ end -}}
{{- range $name := keys $all | sortAlpha -}}
{{- if and (hasSuffix "gpu" $name) (not (hasKey $out "GPU")) }}{{ $_ := set $out "GPU" (index $all $name | int64) }}{{ end -}}
{{- end -}}
{{- range $name, $n := .extraResources }}{{ $_ := set $out $name $n }}{{ end -}}
{{- toJson $out -}}
{{- end }}

{{/* ray.agent: the native sidecar. Takes root, args. */}}
{{- define "ray.agent" -}}
- name: rayburst-agent
  image: "{{ .root.Values.rayburst.image.repository }}:{{ .root.Values.rayburst.image.tag }}"
  imagePullPolicy: {{ .root.Values.rayburst.image.pullPolicy }}
  restartPolicy: Always
  args: {{- toYaml .args | nindent 4 }}
  env:
    - {name: RAYBURST_CLUSTER, value: {{ printf "%s/%s" .root.Release.Namespace .root.Release.Name | quote }}}
    - {name: RAYBURST_GCS_ADDRESS, value: {{ .gcs | quote }}}
    - {name: RAYBURST_NATS_URL, value: {{ include "ray.natsURL" .root | quote }}}
    - {name: RAYBURST_NATS_TOKEN_FILE, value: /var/run/secrets/rayburst/token}
    - {name: RAYBURST_DIR, value: /shared}
    - {name: RAYBURST_LISTEN, value: ":8090"}
    - name: RAY_CLOUD_INSTANCE_ID
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
    {{- include "ray.authEnv" .root | nindent 4 }}
  ports:
    - {name: agent, containerPort: 8090}
  startupProbe:
    httpGet: {path: /healthz, port: agent}
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet: {path: /readyz, port: agent}
    periodSeconds: 1
    failureThreshold: 3
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {memory: 128Mi}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    runAsNonRoot: true
    runAsUser: 65532
    capabilities: {drop: [ALL]}
    seccompProfile: {type: RuntimeDefault}
  volumeMounts:
    - {name: rayburst, mountPath: /shared}
    - {name: rayburst-token, mountPath: /var/run/secrets/rayburst, readOnly: true}
{{- end }}
{{- define "ray.authEnv" -}}
{{- if .Values.auth.enabled }}
- {name: RAY_AUTH_MODE, value: token}
- name: RAY_AUTH_TOKEN
  valueFrom: {secretKeyRef: {name: {{ include "ray.secret" . }}, key: auth_token}}
{{- end }}
{{- end }}
{{- define "ray.volumes" -}}
- name: rayburst
  emptyDir: {}
- name: rayburst-token
  projected:
    sources:
      - serviceAccountToken: {path: token, audience: rayburst, expirationSeconds: 3600}
- name: dshm
  emptyDir: {medium: Memory{{ with .Values.shmSize }}, sizeLimit: {{ . }}{{ end }}}
{{- end }}
{{- define "ray.params" -}}
{{- range $name, $value := . }}
- {{ printf "--%s=%s" $name (kindIs "string" $value | ternary $value (toJson $value)) | quote }}
{{- end }}
{{- end }}
