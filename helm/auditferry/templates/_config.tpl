{{/* The program's configuration, and what follows from it: ports, grace period, memory. */}}

{{/* The configuration as it goes into the ConfigMap. */}}
{{- define "auditferry.config" -}}
{{- $config := deepCopy .Values.config }}
{{- if and .Values.staticMembership (eq .Values.workload "StatefulSet") }}
{{- range $name, $source := $config.sources | default dict }}
{{- with $source.kafka }}
{{- if not (hasKey . "group_instance_id") }}{{ $_ := set . "group_instance_id" "${POD_NAME}" }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- define "auditferry.configMapName" -}}
{{- default (include "auditferry.fullname" .) .Values.existingConfigMap.name }}
{{- end }}

{{- define "auditferry.adminPort" -}}
{{- regexFind "[0-9]+$" (.Values.config.admin.listen | default "0.0.0.0:9470") | default "9470" }}
{{- end }}

{{/* A duration of the configuration (`1.5s`, `2min`) in seconds; nothing when it is a reference. */}}
{{- define "auditferry.seconds" -}}
{{- $text := . | toString | replace "_" "" }}
{{- if regexMatch "^[0-9][0-9.]*\\s*(ms|s|m|min|h|d)$" $text }}
{{- $factor := get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "min" 60.0 "h" 3600.0 "d" 86400.0) (regexFind "[a-z]+$" $text) }}
{{- mulf (regexFind "^[0-9.]+" $text | float64) $factor }}
{{- end }}
{{- end }}

{{/* A size of the configuration (`64 MiB`) or of Kubernetes (`256Mi`) in bytes; nothing when it is a reference. */}}
{{- define "auditferry.bytes" -}}
{{- $text := . | toString | replace "_" "" }}
{{- $units := dict "" 1 "B" 1 "k" 1000 "kB" 1000 "KB" 1000 "M" 1000000 "MB" 1000000 "G" 1000000000 "GB" 1000000000 "Ki" 1024 "KiB" 1024 "Mi" 1048576 "MiB" 1048576 "Gi" 1073741824 "GiB" 1073741824 }}
{{- $unit := regexFind "[A-Za-z]*$" $text }}
{{- if and (regexMatch "^[0-9][0-9.]*\\s*[A-Za-z]*$" $text) (hasKey $units $unit) }}
{{- mulf (regexFind "^[0-9.]+" $text | float64) (get $units $unit | float64) | int64 }}
{{- end }}
{{- end }}

{{/* The longest drain deadline in whole seconds. */}}
{{- define "auditferry.drainSeconds" -}}
{{- if .Values.existingConfigMap.name }}
{{- include "auditferry.seconds" .Values.existingConfigMap.drainDeadline | float64 | ceil | int }}
{{- else }}
{{- $longest := 0.0 }}
{{- range $name, $pipeline := .Values.config.pipelines | default dict }}
{{- $longest = maxf $longest (include "auditferry.seconds" ($pipeline.drain_deadline | default "10s") | default "10" | float64) }}
{{- end }}
{{- $longest | ceil | int }}
{{- end }}
{{- end }}

{{/* After the drain deadline come the last commit (10 s at most), leaving the group (5 s) and closing the admin server (1 s). */}}
{{- define "auditferry.graceSeconds" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds }}
{{- add (include "auditferry.drainSeconds" . | int) 20 }}
{{- else }}
{{- .Values.terminationGracePeriodSeconds | int }}
{{- end }}
{{- end }}

{{/* What all pipelines hold in memory at most, in bytes. */}}
{{- define "auditferry.inFlightBytes" -}}
{{- $sum := 0 }}
{{- range $name, $pipeline := .Values.config.pipelines | default dict }}
{{- $sum = add $sum (include "auditferry.bytes" ($pipeline.in_flight_bytes | default "64 MiB") | default "67108864" | int64) }}
{{- end }}
{{- if and (eq ($sum | int64) 0) .Values.existingConfigMap.name }}{{ $sum = 67108864 }}{{ end }}
{{- $sum | int64 }}
{{- end }}

{{/* The memory limit in bytes: as given, or derived. */}}
{{- define "auditferry.memoryBytes" -}}
{{- $given := .Values.resources.limits.memory }}
{{- if $given }}
{{- include "auditferry.bytes" $given }}
{{- else }}
{{- add 134217728 (mul 2 (include "auditferry.inFlightBytes" . | int64)) (include "auditferry.bytes" .Values.extraMemory | int64) }}
{{- end }}
{{- end }}

{{- define "auditferry.resources" -}}
{{- $resources := deepCopy .Values.resources }}
{{- $memory := printf "%dMi" (div (add (include "auditferry.memoryBytes" . | int64) 1048575) 1048576) }}
{{- if not $resources.limits.memory }}{{ $_ := set $resources.limits "memory" $memory }}{{ end }}
{{- if not $resources.requests.memory }}{{ $_ := set $resources.requests "memory" $resources.limits.memory }}{{ end }}
{{- toYaml $resources }}
{{- end }}

{{/* The hosts and ports of Kafka that the configuration says: lines of host:port. References are left out. */}}
{{- define "auditferry.kafkaHosts" -}}
{{- range $name, $source := .Values.config.sources | default dict }}
{{- with $source.kafka }}
{{- range .bootstrap_servers | default "" | splitList "," }}
{{ trim . }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $pipeline := .Values.config.pipelines | default dict }}
{{- with (($pipeline.dead_letter | default dict).topic | default dict).kafka }}
{{- range .bootstrap_servers | default "" | splitList "," }}
{{ trim . }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The hosts and ports that sinks are reached at: lines of host:port. With a proxy, the proxy. */}}
{{- define "auditferry.sinkHosts" -}}
{{- range $name, $pipeline := .Values.config.pipelines | default dict }}
{{- range $kind, $sink := $pipeline.sink | default dict }}
{{- $urls := $sink.endpoints | default list }}
{{- with $sink.url }}{{ $urls = append $urls . }}{{ end }}
{{- if $sink.proxy }}{{ $urls = list $sink.proxy.url }}{{ end }}
{{- range $urls }}
{{- /* Where a bucket lies is not said by its name: a line that counts as a reference. */}}
{{- if not (regexMatch "^https?://" .) }}
${unsaid}
{{- else }}
{{- $port := ternary "80" "443" (hasPrefix "http://" .) }}
{{- $authority := regexReplaceAll "^[a-z]+://([^/]*).*$" . "${1}" }}
{{ ternary $authority (printf "%s:%s" $authority $port) (regexMatch ":[0-9]+$" $authority) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Of lines of host:port, the ports, as a JSON list of numbers; the fallback when none is said. Takes (dict "hosts" text "fallback" list). */}}
{{- define "auditferry.ports" -}}
{{- $ports := list }}
{{- $unsaid := false }}
{{- range splitList "\n" .hosts }}
{{- if regexMatch "^[^${}]+:[0-9]+$" . }}{{ $ports = append $ports (regexFind "[0-9]+$" . | int) }}
{{- else if . }}{{ $unsaid = true }}
{{- end }}
{{- end }}
{{- if or $unsaid (not $ports) }}{{ range .fallback }}{{ $ports = append $ports (int .) }}{{ end }}{{ end }}
{{- dict "ports" (uniq $ports) | toJson }}
{{- end }}

{{/* Of lines of host:port, the host names, as a JSON list. Addresses and references are left out. */}}
{{- define "auditferry.names" -}}
{{- $names := list }}
{{- range splitList "\n" .hosts }}
{{- $host := regexReplaceAll ":[0-9]+$" . "" }}
{{- if and (regexMatch "^[A-Za-z0-9.-]+$" $host) (not (regexMatch "^[0-9.]+$" $host)) }}{{ $names = append $names $host }}{{ end }}
{{- end }}
{{- dict "names" (uniq $names) | toJson }}
{{- end }}
