{{- define "tidemark-labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* What selects the pods of one component: (dict "root" $ "name" "storefront"). */}}
{{- define "tidemark-selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "tidemark-image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{- define "tidemark-secret" -}}
{{ required "existingSecret: name the Secret that holds the passwords. deploy/docker/secrets.sh makes them; kubectl create secret generic tidemark --from-file=secrets/" .Values.existingSecret }}
{{- end }}

{{/* Nobody needs more than what it is for: not to be root, not to write into the image, not to become somebody else. */}}
{{- define "tidemark-podSecurity" -}}
runAsNonRoot: true
runAsUser: 50000
runAsGroup: 50000
fsGroup: 50000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "tidemark-containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Secrets of what is ours, as files where tidemark.settings looks for them. Each is mounted by itself: the token of a service
account may lie in the same folder. */}}
{{- define "tidemark-secretNames" -}}
- tidemark_mongo_password
- tidemark_kafka_password
- tidemark_cluster_ca
- tidemark_shop_secret
{{- end }}

{{- define "tidemark-secretMounts" -}}
{{- range include "tidemark-secretNames" . | fromYamlArray }}
- {name: secrets, mountPath: /run/secrets/{{ . }}, subPath: {{ . }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "tidemark-secretVolume" -}}
- name: secrets
  secret:
    secretName: {{ include "tidemark-secret" . }}
    defaultMode: 0440
    items:
      {{- range include "tidemark-secretNames" . | fromYamlArray }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
{{- end }}

{{/* Where every container of ours may write: as the tmpfs of docker-compose.yaml. */}}
{{- define "tidemark-scratchMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: airflow, mountPath: /opt/airflow}
- {name: home, mountPath: /home/tidemark}
{{- end }}

{{- define "tidemark-scratchVolumes" -}}
- {name: tmp, emptyDir: {sizeLimit: 2Gi}}
- {name: airflow, emptyDir: {sizeLimit: 64Mi}}
- {name: home, emptyDir: {sizeLimit: 64Mi}}
{{- end }}

{{/* A shared folder: (dict "root" $ "name" "artifacts" "readOnly" true). Nothing where it is an object store. */}}
{{- define "tidemark-sharedMount" -}}
{{- if not (index .root.Values .name).url }}
- {name: {{ .name }}, mountPath: /opt/tidemark/state/{{ .name }}, readOnly: {{ .readOnly | default false }}}
{{- end }}
{{- end }}

{{- define "tidemark-sharedVolume" -}}
{{- $given := index .root.Values .name }}
{{- if not $given.url }}
- name: {{ .name }}
  persistentVolumeClaim: {claimName: {{ $given.existingClaim | default (printf "%s-%s" .root.Release.Name .name) }}}
{{- end }}
{{- end }}

{{/* The health check of docker-compose.yaml: (dict "check" "ingest" "period" 8). Out of use after two misses; begun anew after
three minutes of them, for a server that is away comes back by itself. */}}
{{- define "tidemark-probes" -}}
{{- $command := printf "[python, -m, tidemark.operations.health, %s]" .check }}
startupProbe:
  exec: {command: {{ $command }}}
  periodSeconds: 10
  timeoutSeconds: 15
  failureThreshold: 30
livenessProbe:
  exec: {command: {{ $command }}}
  periodSeconds: 30
  timeoutSeconds: 15
  failureThreshold: 6
readinessProbe:
  {{- if .ready }}
  httpGet: {path: {{ .ready }}, port: {{ .port }}}
  {{- else }}
  exec: {command: {{ $command }}}
  {{- end }}
  periodSeconds: {{ .period }}
  timeoutSeconds: 15
  failureThreshold: 2
{{- end }}

{{/* What changes pods when it changes. */}}
{{- define "tidemark-annotations" -}}
checksum/settings: {{ include (print .Template.BasePath "/settings.yaml") . | sha256sum }}
{{- end }}

{{- define "tidemark-spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "tidemark-selector" . | nindent 8 }}
{{- end }}

{{/* What every pod of ours says of itself: (dict "root" $). */}}
{{- define "tidemark-podHead" -}}
serviceAccountName: {{ .Release.Name }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "tidemark-podSecurity" . | nindent 2 }}
{{- end }}

{{- define "tidemark-budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels:
    {{- include "tidemark-labels" .root | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "tidemark-selector" . | nindent 6 }}
{{- end }}

{{/* Properties of Spark's pods, as TIDEMARK_SPARK_CONF has them. */}}
{{- define "tidemark-sparkConf" -}}
{{- $own := dict
  "spark.kubernetes.container.image" (include "tidemark-image" .)
  "spark.kubernetes.container.image.pullPolicy" .Values.image.pullPolicy
  "spark.kubernetes.authenticate.driver.serviceAccountName" (printf "%s-spark" .Release.Name)
  "spark.kubernetes.driver.podTemplateFile" "/opt/tidemark-spark/driver.yaml"
  "spark.kubernetes.executor.podTemplateFile" "/opt/tidemark-spark/executor.yaml"
  "spark.kubernetes.driver.request.cores" (toString .Values.spark.driverCores)
  "spark.kubernetes.driver.limit.cores" (toString .Values.spark.driverCores)
  "spark.kubernetes.executor.limit.cores" (toString .Values.spark.executorCores)
  "spark.executor.instances" (toString .Values.spark.executors)
  "spark.executor.cores" (toString .Values.spark.executorCores)
  "spark.executor.memory" .Values.spark.executorMemory
  "spark.driver.port" "7078"
  "spark.driver.blockManager.port" "7079"
  "spark.blockManager.port" "7079"
  "spark.authenticate" "true"
  "spark.network.crypto.enabled" "true"
}}
{{- $pairs := list }}
{{- range $name, $value := merge (dict) .Values.spark.properties $own }}
{{- $pairs = append $pairs (printf "%s=%s" $name (ternary (squote $value) (toString $value) (contains " " (toString $value)))) }}
{{- end }}
{{- join " " $pairs }}
{{- end }}

{{/* Where MongoDB's operator makes the members reachable. */}}
{{- define "tidemark-mongoHosts" -}}
{{- $name := printf "%s-mongodb" .Release.Name }}
{{- $hosts := list }}
{{- range until (int .Values.mongodb.members) }}
{{- $hosts = append $hosts (printf "%s-%d.%s-svc.%s.svc.cluster.local:27017" $name . $name $.Release.Namespace) }}
{{- end }}
{{- join "," $hosts }}
{{- end }}
