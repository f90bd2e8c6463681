{{/* Volumes of a service's pod. Takes root and component. Modes: 288 is 0440, read by the group that fsGroup gives. */}}
{{- define "ssm.volumes" -}}
{{- $values := index .root.Values .component -}}
- name: config
  configMap:
    name: {{ include "ssm.name" . }}
- name: identity
  secret:
    secretName: {{ include "ssm.identitySecret" . | quote }}
    defaultMode: 288
    items:
      - {key: {{ $values.certificate.certificateKey | quote }}, path: tls.crt}
      - {key: {{ $values.certificate.keyKey | quote }}, path: tls.key}
{{ include "ssm.trustVolume" .root }}
{{- with .root.Values.brokerCa }}
{{- if .secret }}
- name: broker-ca
  secret:
    secretName: {{ .secret | quote }}
    items: [{key: {{ .key | quote }}, path: ca.crt}]
{{- else if .configMap }}
- name: broker-ca
  configMap:
    name: {{ .configMap | quote }}
    items: [{key: {{ .key | quote }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- range $key := keys $values.secrets | sortAlpha }}
{{- $secret := index $values.secrets $key }}
- name: {{ include "ssm.secretVolume" $key }}
  secret:
    secretName: {{ $secret.name | quote }}
    defaultMode: 288
    items: [{key: {{ $secret.key | quote }}, path: value}]
{{- end }}
{{ include (printf "ssm.%s.volumes" .component) .root }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ssm.secretVolume" -}}
secret-{{ regexReplaceAll "([A-Z])" (replace "." "-" .) "-${1}" | lower }}
{{- end -}}

{{- define "ssm.trustVolume" -}}
- name: trust
{{- with .Values.trust }}
{{- if .secret }}
  secret:
    secretName: {{ .secret | quote }}
{{- else if .configMap }}
  configMap:
    name: {{ .configMap | quote }}
{{- else if .hostPath }}
  hostPath:
    path: {{ .hostPath | quote }}
    type: Directory
{{- else if .existingClaim }}
  persistentVolumeClaim:
    claimName: {{ .existingClaim | quote }}
    readOnly: true
{{- else }}
{{ toYaml .volume | indent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ssm.sender.volumes" -}}
{{- with .Values.sender }}
{{- if .recipients.certificates }}
- name: recipients
  configMap:
    name: {{ include "ssm.name" (dict "root" $ "component" "sender") }}-recipients
{{- end }}
{{- if .recipients.configMap }}
- name: more-recipients
  configMap:
    name: {{ .recipients.configMap | quote }}
{{- end }}
- name: spool
{{- if .volume.emptyDir }}
  emptyDir: {}
{{- else }}
  persistentVolumeClaim:
    claimName: {{ include "ssm.claim" (dict "root" $ "component" "sender") | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ssm.receiver.volumes" -}}
{{- with .Values.receiver -}}
- name: lists
  configMap:
{{- if .lists.configMap }}
    name: {{ .lists.configMap | quote }}
    items:
      - {key: {{ .lists.allowKey | quote }}, path: dns}
      {{- if .lists.denyKey }}
      - {key: {{ .lists.denyKey | quote }}, path: deny}
      {{- end }}
{{- else }}
    name: {{ include "ssm.name" (dict "root" $ "component" "receiver") }}-lists
{{- end }}
{{- range $index, $secret := .earlierIdentities }}
- name: earlier-{{ $index }}
  secret:
    secretName: {{ $secret | quote }}
    defaultMode: 288
{{- end }}
{{- if eq .kind "Deployment" }}
- name: spool
  persistentVolumeClaim:
    claimName: {{ include "ssm.claim" (dict "root" $ "component" "receiver") | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Mounts of the service's container. None has a subPath but the spool: what is mounted with one never changes. */}}
{{- define "ssm.mounts" -}}
{{- $values := index .root.Values .component -}}
{{- $spool := ternary "/var/spool/apel/outgoing" "/var/spool/apel" (eq .component "sender") -}}
- {name: config, mountPath: /etc/ssm/config, readOnly: true}
- {name: identity, mountPath: /etc/ssm/identity, readOnly: true}
- name: trust
  mountPath: /etc/ssm/trust
  readOnly: true
  {{- if not (or .root.Values.trust.secret .root.Values.trust.configMap) }}
  mountPropagation: HostToContainer
  {{- end }}
{{- if or .root.Values.brokerCa.secret .root.Values.brokerCa.configMap }}
- {name: broker-ca, mountPath: /etc/ssm/broker-ca, readOnly: true}
{{- end }}
{{- range $key := keys $values.secrets | sortAlpha }}
- {name: {{ include "ssm.secretVolume" $key }}, mountPath: /etc/ssm/secrets/{{ $key }}, readOnly: true}
{{- end }}
{{- if eq .component "sender" }}
{{- if $values.recipients.certificates }}
- {name: recipients, mountPath: /etc/ssm/recipients, readOnly: true}
{{- end }}
{{- if $values.recipients.configMap }}
- {name: more-recipients, mountPath: /etc/ssm/more-recipients, readOnly: true}
{{- end }}
{{- else }}
- {name: lists, mountPath: /etc/ssm/lists, readOnly: true}
{{- range $index, $_ := $values.earlierIdentities }}
- {name: earlier-{{ $index }}, mountPath: /etc/ssm/earlier-{{ $index }}, readOnly: true}
{{- end }}
{{- end }}
- name: spool
  mountPath: {{ $spool }}
  {{- with $values.volume.subPath }}
  subPath: {{ . | quote }}
  {{- end }}
{{- with $values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}
