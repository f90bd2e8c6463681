{{/* What would not work, or would lose or repeat messages, is refused here, with what to do. */}}
{{- define "ssm.checks" -}}
{{- $services := include "ssm.services" . | fromJsonArray -}}
{{- range $services -}}{{- include "ssm.checkService" (dict "root" $ "component" .) -}}{{- end -}}
{{- $own := list "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" -}}
{{- include "ssm.checkLabels" (dict "labels" .Values.commonLabels "name" "commonLabels" "own" $own) -}}
{{- if $services -}}{{- include "ssm.checkTrust" . -}}{{- end -}}
{{- if .Values.sender.enabled -}}{{- include "ssm.checkSender" . -}}{{- end -}}
{{- if .Values.receiver.enabled -}}{{- include "ssm.checkReceiver" . -}}{{- end -}}
{{- include "ssm.checkMonitoring" . -}}
{{- end -}}

{{- define "ssm.checkService" -}}
{{- $values := index .root.Values .component -}}
{{- $name := include "ssm.fullname" .root -}}
{{- /* From 1.36 on a Service may begin with a digit, as other objects. */ -}}
{{- $begin := ternary "[a-z0-9]" "[a-z]" (semverCompare ">=1.36-0" .root.Capabilities.KubeVersion.Version) -}}
{{- if not (or (eq $values.kind "CronJob") (regexMatch (printf "^%s[-a-z0-9]*$" $begin) $name)) -}}
{{- fail (printf "a Service cannot be called %s-%s: give a fullnameOverride of small letters, digits and - that begins with a letter" $name .component) -}}
{{- end -}}
{{- $config := include "ssm.config" . | fromYaml -}}
{{- if and (eq (dig "transport" "stomp" $config) "stomp") (not (dig "broker" "destination" "" $config)) -}}
{{- fail (printf "%s.config.broker.destination is missing: the queue at the broker, such as /queue/accounting" .component) -}}
{{- end -}}
{{- $urls := dig "broker" "urls" (list "") $config -}}
{{- if not $urls -}}{{- fail (printf "%s.config.broker.urls is empty" .component) -}}{{- end -}}
{{- range compact $urls -}}
{{- if not (regexMatch "^stomp([+]ssl)?://[^/?#@[:space:]]+:[0-9]+/?$" .) -}}
{{- fail (printf "%s.config.broker.urls: %s is not stomp+ssl://HOST:PORT or stomp://HOST:PORT" $.component .) -}}
{{- end -}}
{{- end -}}
{{- if eq (empty $values.certificate.existingSecret) (not $values.certificate.certManager.enabled) -}}
{{- fail (printf "%s.certificate: give existingSecret, or enable certManager (one of the two)" .component) -}}
{{- end -}}
{{- if $values.certificate.certManager.enabled -}}{{- include "ssm.checkCertManager" . -}}{{- end -}}
{{- range list (list "broker" "passcode") (list "deduplication" "passcode") (list "ams" "token") -}}
{{- if dig (first .) (last .) "" $config -}}
{{- fail (printf "%s.config.%s would be seen in a ConfigMap: give it as %s.secrets with the key %s" $.component (join "." .) $.component (join "." .)) -}}
{{- end -}}
{{- end -}}
{{- $most := include "ssm.mostPods" . | int -}}
{{- if and (gt $most 1) $values.config.instance -}}
{{- fail (printf "%s.config.instance: %d pods would have one name; leave it out" .component $most) -}}
{{- end -}}
{{- include "ssm.checkLabels" (dict "labels" $values.podLabels "name" (printf "%s.podLabels" .component) "own" list) -}}
{{- end -}}

{{/* Pods of a service there may be at a time. Takes root and component. */}}
{{- define "ssm.mostPods" -}}
{{- $values := index .root.Values .component -}}
{{- ternary (dig "keda" "maxReplicas" 1 $values) $values.replicas (dig "keda" "enabled" false $values) -}}
{{- end -}}

{{/* Labels that the chart sets itself would be there twice. Takes labels, name, and own beside those that select pods. */}}
{{- define "ssm.checkLabels" -}}
{{- range concat .own (list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component") -}}
{{- if hasKey $.labels . -}}{{- fail (printf "%s: the chart sets %s itself; leave it out" $.name .) -}}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ssm.checkCertManager" -}}
{{- $certificate := (index .root.Values .component).certificate -}}
{{- with $certificate.certManager -}}
{{- if not .issuerRef -}}
{{- fail (printf "%s.certificate.certManager.issuerRef is missing" $.component) -}}
{{- end -}}
{{- if eq (empty .commonName) (empty .literalSubject) -}}
{{- fail (printf "%s.certificate.certManager: give commonName or literalSubject (one of the two)" $.component) -}}
{{- end -}}
{{- if not (has (int .size) (ternary (list 0 2048 3072 4096) (list 0 256 384) (eq .algorithm "RSA"))) -}}
{{- fail (printf "%s.certificate.certManager.size: %s has no keys of %d bits" $.component .algorithm (int .size)) -}}
{{- end -}}
{{- end -}}
{{- if or (ne $certificate.certificateKey "tls.crt") (ne $certificate.keyKey "tls.key") -}}
{{- fail (printf "%s.certificate: cert-manager writes tls.crt and tls.key; leave certificateKey and keyKey out" .component) -}}
{{- end -}}
{{- end -}}

{{- define "ssm.checkTrust" -}}
{{- $given := list -}}
{{- range list "secret" "configMap" "hostPath" "existingClaim" "volume" -}}
{{- if index $.Values.trust . -}}{{- $given = append $given . -}}{{- end -}}
{{- end -}}
{{- if ne (len $given) 1 -}}
{{- fail (printf "trust: give exactly one of secret, configMap, hostPath, existingClaim and volume (%s)" (default "none is given" (join ", " $given))) -}}
{{- end -}}
{{- if and .Values.brokerCa.secret .Values.brokerCa.configMap -}}
{{- fail "brokerCa: give secret or configMap, not both" -}}
{{- end -}}
{{- if and .Values.fetchCrl.enabled (not .Values.trust.existingClaim) -}}
{{- fail "fetchCrl writes into trust.existingClaim: give one (with hostPath and cvmfs the CRLs are renewed outside of the cluster)" -}}
{{- end -}}
{{- end -}}

{{- define "ssm.checkSender" -}}
{{- with .Values.sender -}}
{{- if hasKey .config "once" -}}
{{- fail "sender.config.once: say sender.kind: CronJob instead" -}}
{{- end -}}
{{- if and .volume.emptyDir (eq .kind "Deployment") -}}
{{- fail "sender.volume.emptyDir: what is not sent yet would go with the pod; use a claim, or kind: CronJob with an init container that writes the files anew" -}}
{{- end -}}
{{- if and .volume.emptyDir (not .initContainers) -}}
{{- fail "sender.volume.emptyDir: it is empty in each run, and no init container writes files into it; use a claim" -}}
{{- end -}}
{{- if and .volume.emptyDir .volume.existingClaim -}}
{{- fail "sender.volume: give existingClaim or emptyDir, not both" -}}
{{- end -}}
{{- if and (gt (int .replicas) 1) (eq .kind "CronJob") -}}
{{- fail "sender.replicas: a CronJob runs one pod at a time" -}}
{{- end -}}
{{- if and (gt (int .replicas) 1) (ne .volume.accessMode "ReadWriteMany") -}}
{{- fail "sender.replicas: several senders need a volume with accessMode ReadWriteMany" -}}
{{- end -}}
{{- if and .recipients.keys (not .recipients.configMap) -}}
{{- fail "sender.recipients.keys are keys of sender.recipients.configMap, which is missing" -}}
{{- end -}}
{{- if and .recipients.configMap (not .recipients.keys) -}}
{{- fail "sender.recipients.keys is empty, so nothing would be encrypted for sender.recipients.configMap: say which of its keys are recipients" -}}
{{- end -}}
{{- $recipients := or .recipients.certificates .recipients.configMap -}}
{{- include "ssm.checkReplaced" (dict "config" .config "key" "encryption.recipients" "component" "sender" "values" "recipients" "given" $recipients) -}}
{{- end -}}
{{- end -}}

{{/* What a setting of the configuration would put out of use without a word. Takes config, component, key, values (their name), given. */}}
{{- define "ssm.checkReplaced" -}}
{{- $path := splitList "." .key -}}
{{- if and .given (hasKey (dig (first $path) dict .config) (last $path)) -}}
{{- fail (printf "%s.config.%s would replace %s.%s: give one of the two" .component .key .component .values) -}}
{{- end -}}
{{- end -}}

{{- define "ssm.checkReceiver" -}}
{{- $server := dig "deduplication" "server" "" .Values.receiver.config -}}
{{- with .Values.receiver -}}
{{- $allow := or .lists.allow .lists.configMap -}}
{{- if not (or $allow (dig "authorisation" "allow" "" .config)) -}}
{{- fail "receiver.lists.allow is empty: nobody could send. Give the DNs, or a ConfigMap with them" -}}
{{- end -}}
{{- if and .lists.configMap (or .lists.allow .lists.deny) -}}
{{- fail "receiver.lists: give configMap, or allow and deny, not both" -}}
{{- end -}}
{{- if and .lists.denyKey (not .lists.configMap) -}}
{{- fail "receiver.lists.denyKey is a key of receiver.lists.configMap, which is missing" -}}
{{- end -}}
{{- $deny := or .lists.deny .lists.denyKey -}}
{{- range $key, $given := dict "allow" $allow "deny" $deny -}}
{{- $key = printf "authorisation.%s" $key -}}
{{- include "ssm.checkReplaced" (dict "config" $.Values.receiver.config "key" $key "component" "receiver" "values" "lists" "given" $given) -}}
{{- end -}}
{{- if and (eq .kind "StatefulSet") .volume.existingClaim -}}
{{- fail "receiver.volume.existingClaim: a StatefulSet makes its own claims; use kind: Deployment" -}}
{{- end -}}
{{- if and (eq .kind "StatefulSet") (gt (int .replicas) 1) (not $server) (not .acceptDuplicates) -}}
{{- fail "receiver.replicas: receivers with a volume each do not know of each other, so a message that is delivered again may be stored twice. Use kind: Deployment with a ReadWriteMany volume, or a shared record (config.deduplication.server), or say acceptDuplicates: true" -}}
{{- end -}}
{{- if and (eq .kind "StatefulSet") (gt (int .replicas) 1) (not $server) (eq (dig "transport" "stomp" .config) "ams") -}}
{{- fail "receiver.replicas: all receivers of an AMS subscription get the same messages, so with a volume each nearly all are stored twice. Use one, or a shared record (config.deduplication.server)" -}}
{{- end -}}
{{- $most := include "ssm.mostPods" (dict "root" $ "component" "receiver") | int -}}
{{- if and .keda.enabled (ne .kind "Deployment") -}}
{{- fail "receiver.keda needs kind: Deployment on a ReadWriteMany volume" -}}
{{- end -}}
{{- if and .keda.enabled (eq (dig "transport" "stomp" .config) "ams") -}}
{{- fail "receiver.keda: there is no trigger for AMS, and a subscription of it is for one receiver" -}}
{{- end -}}
{{- if and (eq .kind "Deployment") (gt $most 1) (ne .volume.accessMode "ReadWriteMany") -}}
{{- fail "receiver.replicas: several receivers of a Deployment need a volume with accessMode ReadWriteMany" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ssm.checkMonitoring" -}}
{{- with .Values -}}
{{- if and .monitoring.serviceMonitor.enabled .networkPolicy.enabled (not .networkPolicy.metricsFrom) -}}
{{- fail "networkPolicy.metricsFrom is empty, so Prometheus could not read the metrics. Say who may, for example [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]" -}}
{{- end -}}
{{- end -}}
{{- end -}}
