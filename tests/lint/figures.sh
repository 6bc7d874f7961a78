#!/bin/bash
# Each metric of sidecar/figures/names.cpp stands in the manual, alerts name no other, and each alert stands in the manual;
# and promtool has nothing to say about the alerts and their tests.
source "$(dirname "$0")/lib.sh"

names=sidecar/figures/names.cpp
page=docs/operations/monitoring.md
alerts=ops/prometheus/alerts.yml
[[ -f $names ]] || finish

metrics=$(grep -oE '"ayb_jobs_[a-z_]+"' "$names" | tr -d '"')
used=$(grep -oE '\bayb_jobs_[a-z_]+' "$alerts" | sed -E 's/_(bucket|sum|count)$//' | sort -u)
for metric in $metrics; do
    grep -qF "\`$metric\`" "$page" || wrong "$names" "$page has no $metric"
done
for metric in $used; do
    grep -qxF "$metric" <<<"$metrics" || wrong ops "there is no metric $metric"
done
while IFS= read -r alert; do
    grep -q "^| \`$alert\` |" "$page" || wrong "$alerts" "$page doesn't say what to do about $alert"
    grep -q "alertname: $alert\b" ops/prometheus/alerts_test.yml || wrong "$alerts" "no test of $alert"
done < <(sed -n 's/.*- alert: //p' "$alerts")
said=$(promtool check rules "$alerts" 2>&1 && promtool test rules ops/prometheus/alerts_test.yml 2>&1) || wrong "$alerts" "$said"
finish
