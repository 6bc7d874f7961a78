#!/bin/bash
# No verdict of a test hangs on how long something took: it waits for the condition itself, with a bound, or holds the
# other side still. Only the chaos test measures, as how soon jobs run after a kill is what it reports; and whoever says
# why, by "# clock: ...".
source "$(dirname "$0")/lib.sh"

took='\btime(\(\))? - \$|\b(monotonic|perf_counter|time)\(\) - |\b(Date|performance)\.now\(\) - [a-z]|cmp_ok\(.*\b(took|waited|elapsed|delay)\b'
for file in regress/**/*.{pl,pm} tests/{api,dashboard,harness}/*.{py,js,pl}; do
    while IFS=: read -r line _; do
        wrong "$file:$line" "asks how long something took: wait for the condition, or hold the other side still"
    done < <(grep -nE "$took" "$file" | grep -v '# clock: ')
done
finish
