{{/* Names, labels, the image: what all objects share. */}}

{{- define "auditferry.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 50 characters leave room for the suffixes of this chart (longest: `-headless`), and for the hash that pods of a StatefulSet carry in a label. */}}
{{- define "auditferry.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := include "auditferry.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "auditferry.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "auditferry.selectorLabels" -}}
app.kubernetes.io/name: {{ include "auditferry.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* All pods of the release, also those that only check: what the network policy selects. */}}
{{- define "auditferry.fencedLabels" -}}
app.kubernetes.io/part-of: {{ include "auditferry.fullname" . }}
{{- end }}

{{- define "auditferry.labels" -}}
{{- $own := fromYaml (include "auditferry.selectorLabels" .) }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (merge $own .Values.commonLabels) }}
{{- end }}

{{/* The metadata of an object. Takes (dict "root" $ "suffix" "-x" "labels" {} "annotations" {}), all but root optional. */}}
{{- define "auditferry.metadata" -}}
{{- $root := .root -}}
name: {{ .name | default (printf "%s%s" (include "auditferry.fullname" $root) (.suffix | default "")) }}
namespace: {{ .namespace | default (include "auditferry.namespace" $root) }}
labels:
  {{- toYaml (merge (fromYaml (include "auditferry.labels" $root)) (.labels | default dict)) | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "auditferry.image" -}}
{{- $image := .Values.image }}
{{- $parts := list }}
{{- range list .Values.global.imageRegistry $image.registry $image.repository }}
{{- with trimSuffix "/" . }}{{ $parts = append $parts . }}{{ end }}
{{- end }}
{{- $name := join "/" $parts }}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{- define "auditferry.pullSecrets" -}}
{{- with concat .Values.global.imagePullSecrets .Values.image.pullSecrets | uniq }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "auditferry.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "auditferry.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Whether an object of a foreign kind is made: "true" or nothing. Takes (dict "root" $ "enabled" auto|true|false "api" "group/version"). */}}
{{- define "auditferry.wanted" -}}
{{- if kindIs "bool" .enabled }}
{{- if .enabled }}true{{ end }}
{{- else if eq .enabled "true" }}true
{{- else if and (eq .enabled "auto") (.root.Capabilities.APIVersions.Has .api) }}true
{{- end }}
{{- end }}

{{/* One monitor is enough: with `auto` the PodMonitor steps back where a ServiceMonitor is wanted. */}}
{{- define "auditferry.podMonitor" -}}
{{- $service := include "auditferry.serviceMonitor" . }}
{{- if not (and $service (eq (toString .Values.podMonitor.enabled) "auto")) }}
{{- include "auditferry.wanted" (dict "root" . "enabled" .Values.podMonitor.enabled "api" "monitoring.coreos.com/v1") }}
{{- end }}
{{- end }}

{{- define "auditferry.serviceMonitor" -}}
{{- include "auditferry.wanted" (dict "root" . "enabled" .Values.serviceMonitor.enabled "api" "monitoring.coreos.com/v1") }}
{{- end }}

{{- define "auditferry.scaled" -}}
{{- if or .Values.autoscaling.hpa.enabled .Values.autoscaling.keda.enabled }}true{{ end }}
{{- end }}

{{/* The pods there are at least. */}}
{{- define "auditferry.minReplicas" -}}
{{- if .Values.autoscaling.hpa.enabled }}{{ .Values.autoscaling.hpa.minReplicas }}
{{- else if .Values.autoscaling.keda.enabled }}{{ .Values.autoscaling.keda.minReplicas }}
{{- else }}{{ .Values.replicas }}
{{- end }}
{{- end }}

{{/* The pods there are at most. */}}
{{- define "auditferry.maxReplicas" -}}
{{- if .Values.autoscaling.hpa.enabled }}{{ .Values.autoscaling.hpa.maxReplicas }}
{{- else if .Values.autoscaling.keda.enabled }}{{ .Values.autoscaling.keda.maxReplicas }}
{{- else }}{{ .Values.replicas }}
{{- end }}
{{- end }}
