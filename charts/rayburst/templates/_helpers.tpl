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
{{- define "rayburst.tlsSecret" -}}
{{ .Values.tls.existingSecret | default (printf "%s-tls" .Release.Name) }}
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
