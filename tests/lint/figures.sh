#!/bin/bash
# Each metric of sidecar/figures/names.cpp stands in the manual, and in a panel of the dashboard or in an alert; those name no
# other, and each alert stands in the manual; promtool has nothing to say about the alerts and their tests; and the dashboard is
# what its script makes.
source "$(dirname "$0")/lib.sh"

names=sidecar/figures/names.cpp
page=docs/operations/monitoring.md
alerts=ops/prometheus/alerts.yml
dashboard=ops/grafana/ayb_jobs.json
# Metrics that are for other uses: none.
exceptions=()
[[ -f $names ]] || exit 0
if [[ -d ops/grafana/source ]]; then
    status=0
    said=$("$lint/../harness/build-grafana" check 2>&1) || status=$?
    ((status == 0 || status == 3)) || wrong "$dashboard" "$said"
    ((status != 3)) || printf 'note: no Node: the dashboard is not made anew\n'
fi
finish

metrics=$(grep -oE '"ayb_jobs_[a-z_]+"' "$names" | tr -d '"')
# Of the dashboard only what a panel asks for: its name and its variables ask for the same words.
used=$({ cat "$alerts" && grep '"expr"' "$dashboard"; } | grep -oE '\bayb_jobs_[a-z_]+' | sed -E 's/_(bucket|sum|count)$//' | sort -u)
for metric in $metrics; do
    [[ " ${exceptions[*]} " == *" $metric "* ]] || grep -qxF "$metric" <<<"$used" ||
        wrong "$names" "no panel of $dashboard and no alert has $metric"
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
