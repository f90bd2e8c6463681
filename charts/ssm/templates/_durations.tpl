{{/* Seconds, rounded up, of a duration as the services read it: 500ms, 30s, 1.5m, 12h, 7d; a plain number is milliseconds. */}}
{{- define "ssm.seconds" -}}
{{- $text := ternary . (printf "%.0f" (float64 .)) (kindIs "string" .) -}}
{{- $factors := dict "" 0.001 "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0 -}}
{{- $factor := get $factors (regexFind "[a-z]+$" $text) -}}
{{- if or (kindIs "string" $factor) (not (regexMatch "^[0-9]+([.][0-9]+)? ?[a-z]*$" $text)) -}}
{{- fail (printf "%q is not a duration such as 500ms, 30s, 10m, 12h, 7d" $text) -}}
{{- end -}}
{{- mulf (regexFind "^[0-9.]+" $text | float64) $factor | ceil | int64 -}}
{{- end -}}

{{/* terminationGracePeriodSeconds: the drain, the 5 s that docs/operations.md asks for after it, and the margin. Takes root and component. */}}
{{- define "ssm.gracePeriod" -}}
{{- $config := include "ssm.config" . | fromYaml -}}
{{- add (include "ssm.seconds" (dig "shutdown" "drain" "25s" $config)) 5 (int .root.Values.terminationMarginSeconds) -}}
{{- end -}}

{{/* Limit of a run of the CronJob; empty: none. */}}
{{- define "ssm.runDeadline" -}}
{{- $sender := .Values.sender -}}
{{- if $sender.cronJob.activeDeadlineSeconds -}}
{{- int64 $sender.cronJob.activeDeadlineSeconds -}}
{{- else if not $sender.initContainers -}}
{{- $scope := dict "root" . "component" "sender" -}}
{{- $config := include "ssm.config" $scope | fromYaml -}}
{{- $tries := add1 (int $sender.cronJob.backoffLimit) -}}
{{- mul $tries (add (include "ssm.seconds" (dig "onceDeadline" "10m" $config)) (include "ssm.gracePeriod" $scope) 60) -}}
{{- end -}}
{{- end -}}
