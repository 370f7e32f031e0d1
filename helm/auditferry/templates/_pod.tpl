{{/* The pod: shared by StatefulSet and Deployment, and in parts by the test and the secret check. */}}

{{- define "auditferry.podTemplate" -}}
metadata:
  labels:
    {{- toYaml (merge (fromYaml (include "auditferry.selectorLabels" .)) (fromYaml (include "auditferry.fencedLabels" .)) .Values.podLabels .Values.commonLabels) | nindent 4 }}
  annotations:
    kubectl.kubernetes.io/default-container: auditferry
    {{- if and .Values.rolloutOn.config (not .Values.existingConfigMap.name) }}
    checksum/config: {{ include "auditferry.config" . | sha256sum }}
    {{- end }}
    {{- if .Values.files }}
    checksum/files: {{ .Values.files | toJson | sha256sum }}
    {{- end }}
    {{- if and .Values.rolloutOn.secrets .Values.secrets }}
    checksum/secrets: {{ .Values.secrets | toJson | sha256sum }}
    {{- end }}
    {{- with merge (dict) .Values.podAnnotations .Values.commonAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "auditferry.podSettings" . | nindent 2 }}
  terminationGracePeriodSeconds: {{ include "auditferry.graceSeconds" . }}
  {{- range $key, $value := dict "affinity" .Values.affinity "nodeSelector" .Values.nodeSelector "tolerations" .Values.tolerations "hostAliases" .Values.hostAliases "dnsConfig" .Values.dnsConfig }}
  {{- with $value }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- range $key, $value := dict "priorityClassName" .Values.priorityClassName "runtimeClassName" .Values.runtimeClassName "schedulerName" .Values.schedulerName "dnsPolicy" .Values.dnsPolicy }}
  {{- with $value }}
  {{ $key }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    {{- $selector := dict "labelSelector" (dict "matchLabels" (fromYaml (include "auditferry.selectorLabels" $))) }}
    - {{ toYaml (merge (dict) . $selector) | nindent 6 | trim }}
    {{- end }}
  {{- end }}
  {{- with .Values.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: auditferry
      {{- if .Values.diagnosticMode.enabled }}
      image: {{ .Values.diagnosticMode.image }}
      command:
        {{- toYaml .Values.diagnosticMode.command | nindent 8 }}
      {{- else }}
      image: {{ include "auditferry.image" . }}
      args:
        - run
        - --log-format={{ .Values.log.format }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      {{- include "auditferry.containerSettings" . | nindent 6 }}
      ports:
        - name: admin
          containerPort: {{ include "auditferry.adminPort" . }}
          protocol: TCP
      {{- if not .Values.diagnosticMode.enabled }}
      {{- range $probe, $path := dict "startup" "/startupz" "liveness" "/livez" "readiness" "/readyz" }}
      {{ $probe }}Probe:
        {{- toYaml (merge (dict) (get $.Values.probes $probe) (dict "httpGet" (dict "path" $path "port" "admin"))) | nindent 8 }}
      {{- end }}
      {{- end }}
      volumeMounts:
        {{- include "auditferry.mounts" . | nindent 8 }}
        {{- if .Values.persistence.enabled }}
        - name: data
          mountPath: {{ .Values.persistence.mountPath }}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "auditferry.volumes" (dict "root" . "config" (include "auditferry.configMapName" .) "optional" false) | nindent 4 }}
    {{- if and .Values.persistence.enabled .Values.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ .Values.persistence.existingClaim }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* What every pod of this chart has. */}}
{{- define "auditferry.podSettings" -}}
{{- with include "auditferry.pullSecrets" . }}
{{- . | trim }}
{{ end -}}
serviceAccountName: {{ include "auditferry.serviceAccountName" . }}
automountServiceAccountToken: {{ .Values.automountServiceAccountToken }}
enableServiceLinks: {{ .Values.enableServiceLinks }}
{{- if not (kindIs "invalid" .Values.hostUsers) }}
hostUsers: {{ .Values.hostUsers }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end }}

{{- define "auditferry.containerSettings" -}}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
resources:
  {{- include "auditferry.resources" . | nindent 2 }}
env:
  - name: AUDITFERRY_CONFIG
    value: /etc/auditferry/config/auditferry.yaml
  - name: AUDITFERRY_LOG
    value: {{ .Values.log.filter | quote }}
  {{- if .Values.existingConfigMap.name }}
  - name: AUDITFERRY_ADMIN__LISTEN
    value: {{ .Values.config.admin.listen | quote }}
  {{- end }}
  - name: POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  - name: POD_NAMESPACE
    valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
  - name: NODE_NAME
    valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Directories as a whole, never single files: those would not follow when the kubelet replaces them. */}}
{{- define "auditferry.mounts" -}}
- name: config
  mountPath: /etc/auditferry/config
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- range $name, $_ := .Values.secrets }}
- name: secret-{{ $name }}
  mountPath: /var/run/secrets/{{ $name }}
  readOnly: true
{{- end }}
{{- range $name, $_ := .Values.files }}
- name: files-{{ $name }}
  mountPath: /etc/auditferry/{{ $name }}
  readOnly: true
{{- end }}
{{- end }}

{{/* Takes (dict "root" $ "config" NAME "optional" BOOL): optional secrets let the program say what is missing. */}}
{{- define "auditferry.volumes" -}}
{{- $root := .root }}
{{- $optional := .optional }}
{{- $fullname := include "auditferry.fullname" $root -}}
- name: config
  configMap:
    name: {{ .config }}
    items:
      - key: {{ ternary $root.Values.existingConfigMap.key "auditferry.yaml" (ne $root.Values.existingConfigMap.name "") }}
        path: auditferry.yaml
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- range $name, $secret := $root.Values.secrets }}
- name: secret-{{ $name }}
  {{- if $secret.secretProviderClass }}
  csi:
    driver: secrets-store.csi.k8s.io
    readOnly: true
    volumeAttributes:
      secretProviderClass: {{ $secret.secretProviderClass }}
  {{- else }}
  projected:
    # 0440: the program reads it by the group of the volume.
    defaultMode: 288
    sources:
      - secret:
          name: {{ $secret.existingSecret | default (printf "%s-%s" $fullname $name) }}
          {{- with include "auditferry.items" $secret.items }}{{ . | nindent 10 }}{{ end }}
          {{- if $optional }}
          optional: true
          {{- end }}
  {{- end }}
{{- end }}
{{- range $name, $files := $root.Values.files }}
- name: files-{{ $name }}
  projected:
    # 0444
    defaultMode: 292
    sources:
      - {{ ternary "secret" "configMap" (not (empty $files.existingSecret)) }}:
          name: {{ $files.existingSecret | default $files.existingConfigMap | default (printf "%s-%s" $fullname $name) }}
          {{- with include "auditferry.items" $files.items }}{{ . | nindent 10 }}{{ end }}
{{- end }}
{{- end }}

{{- define "auditferry.items" -}}
{{- with . -}}
items:
  {{- range $file, $key := . }}
  - key: {{ $key }}
    path: {{ $file }}
  {{- end }}
{{- end }}
{{- end }}
