{{/* Names of everything begin with this: short enough for what is added, also by a CronJob (52 letters). */}}
{{- define "ssm.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- /* A release may have dots in its name, a Service may not. */ -}}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 38 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of a part: takes root and component. */}}
{{- define "ssm.name" -}}
{{- printf "%s-%s" (include "ssm.fullname" .root) .component -}}
{{- end -}}

{{/* What selects the pods of a part; never changes. Quoted: a release called 2026, on or null would be no text to YAML. */}}
{{- define "ssm.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "ssm.labels" -}}
{{ include "ssm.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ssm.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ssm.serviceAccountName" -}}
{{- $made := ternary (include "ssm.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $made .Values.serviceAccount.name -}}
{{- end -}}

{{/* The services that are installed, as a JSON list. */}}
{{- define "ssm.services" -}}
{{- $services := list -}}
{{- range list "sender" "receiver" -}}
{{- if (index $.Values .).enabled -}}{{- $services = append $services . -}}{{- end -}}
{{- end -}}
{{- toJson $services -}}
{{- end -}}
