{{- define "ray.labels" -}}
{{ include "ray.podLabels" . }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{/* ray.podLabels: without the chart's version, so that a new chart does not replace workers. */}}
{{- define "ray.podLabels" -}}
app.kubernetes.io/name: ray
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
ray.io/cluster: {{ .Release.Name }}
{{- end }}
{{/* ray.imageOf: image and pull policy of a head or type with an image of its own, or not. Takes root, of. */}}
{{- define "ray.imageOf" -}}
{{- $own := .of.image | default dict -}}
image: {{ printf "%s:%s" ($own.repository | default .root.Values.image.repository) ($own.tag | default .root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ $own.pullPolicy | default .root.Values.image.pullPolicy }}
{{- end }}
{{/* ray.gcs: host:port of the GCS, as workers see it. */}}
{{- define "ray.gcs" -}}
{{- if .Values.head.enabled }}{{ .Release.Name }}-head:6379{{ else }}{{ required "head.address: must be host:port of your head's GCS with head.enabled false: got \"\"" (.Values.head.address | default nil) }}{{ end -}}
{{- end }}
{{/* ray.patience: how many seconds a worker waits for a head that is gone. One that has lost all is noticed in seconds, not in
     a minute; one whose state is in Redis comes back with it, and the work goes on, as KubeRay has it. */}}
{{- define "ray.patience" -}}
{{- $kept := false -}}
{{- range concat .Values.env .Values.head.env }}{{ if eq .name "RAY_REDIS_ADDRESS" }}{{ $kept = true }}{{ end }}{{ end -}}
{{ ternary 600 10 $kept }}
{{- end }}
{{- define "ray.natsURL" -}}
{{ .Values.rayburst.natsURL | default (printf "nats://%s-nats.%s.svc:4222" .Values.rayburst.release .Values.rayburst.namespace) }}
{{- end }}
{{- define "ray.secret" -}}
{{ .Values.auth.existingSecret | default (printf "%s-auth" .Release.Name) }}
{{- end }}

{{/* ray.check: what the schema cannot say of the values. */}}
{{- define "ray.check" -}}
{{- if le (int .Values.terminationGracePeriodSeconds) (int .Values.preemptSeconds) }}
{{- fail (printf "terminationGracePeriodSeconds: must be above preemptSeconds (%v): got %v" .Values.preemptSeconds .Values.terminationGracePeriodSeconds) }}
{{- end }}
{{- if and (not .Values.head.enabled) .Values.auth.enabled (not .Values.auth.existingSecret) }}
{{- fail "auth.existingSecret: must name the Secret with your head's token with head.enabled false (or auth.enabled be false): got \"\"" }}
{{- end }}
{{- range $name, $type := .Values.workers }}{{ if $type }}
{{- if has $name (list "head" "head-agent") }}
{{- fail (printf "workers: a node type must not be called head or head-agent: got %q" $name) }}
{{- end }}
{{- if gt (int $type.minWorkers) (int $type.maxWorkers) }}
{{- fail (printf "workers.%s.minWorkers: must not be above maxWorkers (%v): got %v" $name $type.maxWorkers $type.minWorkers) }}
{{- end }}
{{- end }}{{ end }}
{{- end }}
{{/* ray.placement: where a pod may run. Takes root, of: the values of the head or a type. */}}
{{- define "ray.placement" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .of.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .of.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.podSpec }}
{{ toYaml . }}
{{- end }}
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
  env: {{- include "ray.agentEnv" . | nindent 4 }}
    - {name: RAYBURST_DIR, value: /shared}
    - {name: RAYBURST_LISTEN, value: ":8090"}
    - name: RAY_CLOUD_INSTANCE_ID
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
  ports:
    - {name: agent, containerPort: 8090}
  startupProbe:
    httpGet: {path: /healthz, port: agent}
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet: {path: /readyz, port: agent}
    periodSeconds: 1
    timeoutSeconds: 3
    failureThreshold: 1 # a drained worker is removed once it is not ready
  resources: {{- include "ray.agentResources" . | nindent 4 }}
  securityContext: {{- include "ray.restricted" . | nindent 4 }}
  volumeMounts:
    - {name: rayburst, mountPath: /shared}
    - {name: rayburst-token, mountPath: /var/run/secrets/rayburst, readOnly: true}
{{- end }}
{{/* ray.agentEnv: what an agent is told wherever it stands. Takes root, gcs. */}}
{{- define "ray.agentEnv" -}}
- {name: RAYBURST_CLUSTER, value: {{ printf "%s/%s" .root.Release.Namespace .root.Release.Name | quote }}}
- {name: RAYBURST_GCS_ADDRESS, value: {{ .gcs | quote }}}
- {name: RAYBURST_NATS_URL, value: {{ include "ray.natsURL" .root | quote }}}
- {name: RAYBURST_NATS_TOKEN_FILE, value: /var/run/secrets/rayburst/token}
{{- include "ray.authEnv" .root }}
{{- end }}
{{- define "ray.agentResources" -}}
requests: {cpu: 10m, memory: 32Mi}
limits: {memory: 128Mi}
{{- end }}
{{- define "ray.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}
{{- define "ray.authEnv" -}}
{{- if .Values.auth.enabled }}
- {name: RAY_AUTH_MODE, value: token}
- name: RAY_AUTH_TOKEN
  valueFrom: {secretKeyRef: {name: {{ include "ray.secret" . }}, key: auth_token}}
{{- end }}
{{- end }}
{{/* ray.volumes: of the head or a type. Takes root, of. */}}
{{- define "ray.volumes" -}}
- name: rayburst
  emptyDir: {}
{{ include "ray.tokenVolume" .root }}
{{- with .root.Values.filesSecret }}
- name: files
  secret: {secretName: {{ . }}}
{{- end }}
- name: dshm
  emptyDir: {medium: Memory{{ with .of.shmSize | default .root.Values.shmSize }}, sizeLimit: {{ . }}{{ end }}}
{{- end }}
{{/* ray.command: what Ray's container runs, of the head or a type; ray.params and the like follow its args. With commands of the user a
     shell runs them first: setup commands each in a shell of its own, start commands in the one that becomes Ray. Kubernetes
     itself reads $( and $$ in args, so that a $ is doubled. Takes root, of. */}}
{{- define "ray.command" -}}
{{- $setup := .of.setupCommands | default list -}}
{{- if .root.Values.filesSecret }}{{ $setup = prepend $setup "/rayburst/rayburst unpack /files/files.tar.gz" }}{{ end -}}
{{- $start := .of.startCommands | default list -}}
{{- $all := concat $setup $start -}}
{{- if $all }}command:
  - /bin/bash
  - -ec
  - |
    for c in "${@:1:{{ len $setup }}}"; do echo "+ $c"; bash -c "$c"; done
    for c in "${@:{{ add1 (len $setup) }}:{{ len $start }}}"; do echo "+ $c"; eval "$c"; done
    exec "${@:{{ add1 (len $all) }}}"
  - ray
args:
  {{- range $all }}
  - {{ replace "$" "$$" . | quote }}
  {{- end }}
  - /rayburst/rayburst
  - start
  - --
{{- else }}command: [/rayburst/rayburst, start, --]
args:
{{- end }}
  {{- toYaml .root.Values.rayCommand | nindent 2 }}
  - start
{{- end }}
{{- define "ray.tokenVolume" -}}
- name: rayburst-token
  projected:
    sources:
      - serviceAccountToken: {path: token, audience: rayburst, expirationSeconds: 3600}
{{- end }}
{{- define "ray.params" -}}
{{- range $name, $value := . }}
- {{ if eq (toString $value) "" }}{{ printf "--%s" $name | quote }}{{ else }}{{ printf "--%s=%s" $name (kindIs "string" $value | ternary $value (toJson $value)) | quote }}{{ end }}
{{- end }}
{{- end }}
