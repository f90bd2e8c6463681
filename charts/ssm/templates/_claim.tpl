{{/* Spec of a claim that the chart makes. Takes the values of a volume. */}}
{{- define "ssm.claimSpec" -}}
accessModes: [{{ .accessMode }}]
{{- with .storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end -}}
