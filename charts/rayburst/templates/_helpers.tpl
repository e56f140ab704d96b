{{- define "rayburst.labels" -}}
app.kubernetes.io/name: rayburst
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- define "rayburst.selector" -}}
app.kubernetes.io/name: rayburst
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "rayburst.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- define "rayburst.natsURL" -}}
{{ .Values.nats.url | default (printf "nats://%s-nats.%s.svc:4222" .Release.Name .Release.Namespace) }}
{{- end }}
{{- define "rayburst.kedaNamespace" -}}
{{ .Values.keda.namespace | default .Release.Namespace }}
{{- end }}
{{/* rayburst.serverSecret: the Secret of the scaler's certificate, in the release's namespace. */}}
{{- define "rayburst.serverSecret" -}}
{{- if eq .Values.tls.mode "secret" -}}
{{ required "tls.serverSecret: must name a Secret with tls.mode secret: got \"\"" (.Values.tls.serverSecret | default nil) }}
{{- else -}}
{{ .Release.Name }}-tls
{{- end -}}
{{- end }}
{{/* rayburst.clientSecret: the Secret of KEDA's certificate, in KEDA's namespace. */}}
{{- define "rayburst.clientSecret" -}}
{{- if eq .Values.tls.mode "secret" -}}
{{ required "tls.clientSecret: must name a Secret with tls.mode secret: got \"\"" (.Values.tls.clientSecret | default nil) }}
{{- else -}}
{{ .Release.Name }}-client
{{- end -}}
{{- end }}
{{/* rayburst.selfMade: whether the scaler makes the certificates. */}}
{{- define "rayburst.selfMade" -}}
{{ if and .Values.tls.enabled (eq .Values.tls.mode "self") }}true{{ end }}
{{- end }}
{{- define "rayburst.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}
{{/* rayburst.switch: auto or off, which YAML reads as false. */}}
{{- define "rayburst.switch" -}}
{{ if eq (toString .) "false" }}off{{ else }}{{ . }}{{ end }}
{{- end }}
{{/* rayburst.podMeta: metadata of a pod. Takes root, component. */}}
{{- define "rayburst.podMeta" -}}
labels: {{- include "rayburst.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .root.Values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with .root.Values.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{/* rayburst.placement: where a pod may run. Takes root, of: the values of a component. */}}
{{- define "rayburst.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
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
{{- end }}
{{/* rayburst.monitoringLabels: labels of what Prometheus and Grafana look for. */}}
{{- define "rayburst.monitoringLabels" -}}
{{ include "rayburst.labels" . }}
{{- with .Values.monitoring.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- define "rayburst.serviceAccountAnnotations" -}}
{{- with .Values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}
{{/* rayburst.kedaVersion: what KEDA's operator here is, as major.minor.patch, or nothing where that is not to be seen. */}}
{{- define "rayburst.kedaVersion" -}}
{{- $operator := lookup "apps/v1" "Deployment" (include "rayburst.kedaNamespace" .) "keda-operator" | default dict -}}
{{- $label := dig "metadata" "labels" "app.kubernetes.io/version" "" $operator -}}
{{- $image := "" -}}
{{- range dig "spec" "template" "spec" "containers" list $operator }}{{ if contains "keda" .image }}{{ $image = .image }}{{ end }}{{ end -}}
{{- regexFind "[0-9]+[.][0-9]+[.][0-9]+" $label | default (regexFind ":v?[0-9]+[.][0-9]+[.][0-9]+" $image | trimPrefix ":" | trimPrefix "v") -}}
{{- end }}
