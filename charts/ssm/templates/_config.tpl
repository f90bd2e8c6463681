{{/* The configuration of a service as its ConfigMap has it: what the chart knows, and over it the values. Takes root and component. */}}
{{- define "ssm.config" -}}
{{- $values := index .root.Values .component -}}
{{- $identity := dict "certificate" "/etc/ssm/identity/tls.crt" "key" "/etc/ssm/identity/tls.key" -}}
{{- $trust := dict "directory" (include "ssm.trustDirectory" .root) -}}
{{- $config := dict "ops" (dict "host" "::") "identity" $identity "trust" $trust -}}
{{- if or .root.Values.brokerCa.secret .root.Values.brokerCa.configMap -}}
{{- $_ := set $config "broker" (dict "tls" (dict "ca" "/etc/ssm/broker-ca/ca.crt")) -}}
{{- end -}}
{{- $config = mergeOverwrite $config (include (printf "ssm.%s.config" .component) .root | fromYaml) -}}
{{- toYaml (mergeOverwrite $config (deepCopy $values.config)) -}}
{{- end -}}

{{- define "ssm.trustDirectory" -}}
{{- list "/etc/ssm/trust" .Values.trust.subDirectory | compact | join "/" -}}
{{- end -}}

{{- define "ssm.sender.config" -}}
{{- $config := dict "outgoing" (dict "path" "/var/spool/apel/outgoing") -}}
{{- $recipients := list -}}
{{- range keys .Values.sender.recipients.certificates | sortAlpha -}}
{{- $recipients = append $recipients (printf "/etc/ssm/recipients/%s" .) -}}
{{- end -}}
{{- range .Values.sender.recipients.keys -}}
{{- $recipients = append $recipients (printf "/etc/ssm/more-recipients/%s" .) -}}
{{- end -}}
{{- if $recipients -}}{{- $_ := set $config "encryption" (dict "recipients" $recipients) -}}{{- end -}}
{{- if or (eq .Values.sender.kind "CronJob") (eq (int .Values.sender.replicas) 1) -}}
{{- /* One name over all restarts, so that a new pod frees soon what the one before had claimed. */ -}}
{{- $_ := set $config "instance" (include "ssm.name" (dict "root" . "component" "sender")) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "ssm.receiver.config" -}}
{{- $receiver := .Values.receiver -}}
{{- $lists := dict "allow" "/etc/ssm/lists/dns" -}}
{{- if or (not $receiver.lists.configMap) $receiver.lists.denyKey -}}{{- $_ := set $lists "deny" "/etc/ssm/lists/deny" -}}{{- end -}}
{{- $config := dict "authorisation" $lists -}}
{{- $_ := set $config "incoming" (dict "path" "/var/spool/apel/incoming") -}}
{{- $_ := set $config "reject" (dict "path" "/var/spool/apel/reject") -}}
{{- $earlier := list -}}
{{- range $index, $_ := $receiver.earlierIdentities -}}
{{- $earlier = append $earlier (printf "/etc/ssm/earlier-%d/tls.crt:/etc/ssm/earlier-%d/tls.key" $index $index) -}}
{{- end -}}
{{- if $earlier -}}{{- $_ := set $config "decryption" (dict "identities" $earlier) -}}{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "ssm.opsPort" -}}
{{- $config := include "ssm.config" . | fromYaml -}}
{{- dig "ops" "port" (ternary 9101 9102 (eq .component "sender")) $config | int -}}
{{- end -}}

{{/* broker.tls.serverName -> SSM_BROKER_TLS_SERVER_NAME */}}
{{- define "ssm.variable" -}}
{{- printf "SSM_%s" (regexReplaceAll "([a-z0-9])([A-Z])" (replace "." "_" .) "${1}_${2}" | upper) -}}
{{- end -}}

{{/* Claim that the pods of a Deployment or CronJob mount. Takes root and component. */}}
{{- define "ssm.claim" -}}
{{- default (include "ssm.name" .) (index .root.Values .component).volume.existingClaim -}}
{{- end -}}

{{/* Secret of the identity. */}}
{{- define "ssm.identitySecret" -}}
{{- default (printf "%s-identity" (include "ssm.name" .)) (index .root.Values .component).certificate.existingSecret -}}
{{- end -}}
