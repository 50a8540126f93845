{{/* The pod of a driver or an executor: what Spark does not say of it by itself. (dict "root" $ "token" true): whether it may
ask Kubernetes for pods, as a driver must. */}}
{{- define "tidemark-sparkPod" -}}
apiVersion: v1
kind: Pod
metadata:
  labels:
    {{- include "tidemark-labels" .root | nindent 4 }}
    app.kubernetes.io/component: spark
spec:
  automountServiceAccountToken: {{ .token }}
  enableServiceLinks: false
  {{- with .root }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "tidemark-podSecurity" . | nindent 4 }}
  containers:
    # Spark says which image, how much of a machine, and what to run: TIDEMARK_SPARK_CONF.
    - name: spark
      envFrom:
        - configMapRef: {name: {{ .Release.Name }}-platform}
        - configMapRef: {name: {{ .Release.Name }}-jobs}
      securityContext:
        {{- include "tidemark-containerSecurity" . | nindent 8 }}
      volumeMounts:
        {{- include "tidemark-scratchMounts" . | nindent 8 }}
        {{- include "tidemark-secretMounts" . | nindent 8 }}
        {{- include "tidemark-sharedMount" (dict "root" . "name" "artifacts") | nindent 8 }}
        {{- include "tidemark-sharedMount" (dict "root" . "name" "landing") | nindent 8 }}
  volumes:
    {{- include "tidemark-scratchVolumes" . | nindent 4 }}
    {{- include "tidemark-secretVolume" . | nindent 4 }}
    {{- include "tidemark-sharedVolume" (dict "root" . "name" "artifacts") | nindent 4 }}
    {{- include "tidemark-sharedVolume" (dict "root" . "name" "landing") | nindent 4 }}
{{- end }}
{{- end }}
