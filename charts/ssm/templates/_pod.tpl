{{/* A pod of a service: metadata and spec. Takes root, component, and once (a run that ends). */}}
{{- define "ssm.pod" -}}
{{- $values := index .root.Values .component -}}
metadata:
  labels:
    # Not the labels with versions: a new version of the chart alone restarts nothing.
    {{- include "ssm.selector" . | nindent 4 }}
    {{- with merge dict (default dict $values.podLabels) (default dict .root.Values.commonLabels) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # The configuration is read at the start only; lists, certificates and trust anchors are read again when they change.
    {{- $own := dict "checksum/config" (include "ssm.config" . | sha256sum) "kubectl.kubernetes.io/default-container" .component }}
    {{- toYaml (mergeOverwrite $own (default dict $values.podAnnotations)) | nindent 4 }}
spec:
  {{- include "ssm.podBase" .root | nindent 2 }}
  terminationGracePeriodSeconds: {{ include "ssm.gracePeriod" . }}
  {{- if .once }}
  restartPolicy: Never
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if not .once }}
  topologySpreadConstraints:
    {{- include "ssm.topologySpread" . | nindent 4 }}
  {{- end }}
  {{- with $values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    {{- include "ssm.container" . | nindent 4 }}
    {{- with $values.sidecars }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "ssm.volumes" . | nindent 4 }}
{{- end -}}

{{- define "ssm.topologySpread" -}}
{{- with (index .root.Values .component).topologySpreadConstraints }}
{{- toYaml . }}
{{- else -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "ssm.selector" . | nindent 6 }}
{{- end }}
{{- end -}}

{{- define "ssm.container" -}}
{{- $values := index .root.Values .component -}}
- name: {{ .component }}
  image: {{ include "ssm.image" .root | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  {{- with .root.Values.image.command }}
  command:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  args: [{{ .component }}, --config, /etc/ssm/config/{{ .component }}.yaml{{ if .once }}, --once{{ end }}]
  env:
    {{- include "ssm.env" . | nindent 4 }}
  ports:
    - {name: metrics, containerPort: {{ include "ssm.opsPort" . }}}
  {{- if not .once }}
  {{- include "ssm.probes" .root | nindent 2 }}
  {{- end }}
  resources:
    {{- toYaml $values.resources | nindent 4 }}
  securityContext:
    {{- toYaml .root.Values.securityContext | nindent 4 }}
  volumeMounts:
    {{- include "ssm.mounts" . | nindent 4 }}
{{- end -}}

{{- define "ssm.env" -}}
{{- $values := index .root.Values .component -}}
{{- $config := include "ssm.config" . | fromYaml -}}
# The image has this variable, and a variable weighs more than the file.
- {name: SSM_OPS_HOST, value: {{ $config.ops.host | quote }}}
{{- if not $config.instance }}
- name: SSM_INSTANCE
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}
{{- range $key := keys $values.secrets | sortAlpha }}
- {name: {{ include "ssm.variable" $key }}_FILE, value: /etc/ssm/secrets/{{ $key }}/value}
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ssm.probes" -}}
{{- $live := dict "httpGet" (dict "path" "/health/live" "port" "metrics") -}}
{{- $ready := dict "httpGet" (dict "path" "/health/ready" "port" "metrics") -}}
startupProbe:
  {{- toYaml (merge (deepCopy $live) .Values.probes.startup) | nindent 2 }}
livenessProbe:
  {{- toYaml (merge (deepCopy $live) .Values.probes.liveness) | nindent 2 }}
readinessProbe:
  {{- toYaml (merge (deepCopy $ready) .Values.probes.readiness) | nindent 2 }}
{{- end -}}

{{/* What every pod of the chart has. */}}
{{- define "ssm.podBase" -}}
serviceAccountName: {{ include "ssm.serviceAccountName" . | quote }}
automountServiceAccountToken: false
# A Service called ssm-ops would else put SSM_OPS_PORT into the environment.
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
Of a Deployment; takes whether an old and a new pod may run together. Kubernetes' own numbers are said, so that they go when it is no longer
RollingUpdate: server-side apply leaves what nobody has said, and the API refuses it beside Recreate.
*/}}
{{- define "ssm.strategy" -}}
{{- if . -}}
type: RollingUpdate
rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}
{{- else -}}
type: Recreate
{{- end -}}
{{- end -}}
