#!/bin/bash
# Each number in docs/reference/limits.md is the code's: a row of the table has the value of its constant, and no row is
# without one but those below that say why.
source "$(dirname "$0")/lib.sh"

page=docs/reference/limits.md
[[ -f $page ]] || finish

# What a row begins with = the number, by the code's names; several with ";" between, "-" for none.
# shellcheck disable=SC2016  # the backquotes are the page's
rows=(
    'payload, result=kMaxPayloadBytes >> 20'
    'type=kMaxNameCharacters'
    'a registered command=kMaxCommandBytes >> 10'
    'types that a role registers, admins aside=kMostTypes'
    'types that a session remembers, registered or not=kMostKept'
    'sessions of a role in `wait_for_jobs()`=kMostWaitersOfRole'
    'sessions of the server in `wait_for_jobs()`=kMostWaiters'
    'types with a limit, over all databases=kMaxLimits'
    'jobs of types with a limit that run, over all databases=kPlacesUnlessSet'
    'keys that have jobs, over all databases=kPlacesUnlessSet'
    'partition key=kMaxKeyBytes'
    'idempotency key=kMaxKeyBytes'
    'name of a schedule=kMaxNameCharacters'
    'cron expression=kMaxExpression'
    '`cron_preview(count)`=kMostPreviewed'
    'missed ticks=kMostTicks;kBatchJobs'
    'worker id=kMaxKeyBytes'
    'error text of a job=kErrorTextBytes - 1'
    'note of `set_progress`=kNoteBytes - 1'
    'back-off steps=kMaxBackoffSteps'
    '`claim(max_jobs)`=kMaxClaim'
    '`claim(lease)`=kLongestLeaseDays'
    '`run_at`=-' # years, which the code counts in microseconds
    'waiting for what another session has locked=kLongestLockWaitMs / 1000'
    'tables of one listener=kMostTables'
    'tables with listeners, over all databases=kMostFeeds'
    'sessions in `ayb_jobs_internal.wait_for_realtime()`=kMostListeners'
    'changes of listened tables in one transaction=kMostNoted'
    'row of an enabled table whose delete is told=kMostImageBytes'
    'events kept=kEventRing'
    'type in an event=kEventTypeBytes - 1'
    'roles with jobs=kMaxRoles'
    'types with counts=kMaxTypes'
    'types with totals since the start=kMaxTotals'
    'lanes: types of a role with queued jobs=kMostLanes;kMaxLanes'
    'databases, workers=-' # a setting of PostgreSQL's
    'latencies=kHistogramBuckets'
    'error of a lane=kLaneErrorBytes - 1'
)

declare -A constants=()
while IFS='=' read -r name text; do
    constants[$name]=$text
done < <(grep -rhoE 'constexpr [A-Za-z_:0-9]+ k[A-Za-z]+ = [^;]+' extension | sed -E 's/^constexpr [^ ]+ ([^ ]+) = /\1=/' | tac)

# value EXPRESSION: with the constants in it, of several of a name the first.
value() {
    local text=$1 name
    while [[ $text =~ (k[A-Z][A-Za-z]*) ]]; do
        name=${BASH_REMATCH[1]}
        text=${text//$name/(${constants[$name]:-})}
    done
    echo $((text))
}

while IFS='|' read -r _ what limit _; do
    what=$(sed 's/ (.*//; s/: what changes.*//; s/^ *//; s/ *$//' <<<"$what")
    names=''
    for row in "${rows[@]}"; do [[ ${row%%=*} != "$what" ]] || names=${row#*=}; done
    [[ $names ]] || wrong "$page" "which constant is the limit of \"$what\"? tests/lint/limits.sh doesn't know"
    [[ $names != - ]] || names=''
    IFS=';' read -ra expressions <<<"$names"
    for expression in "${expressions[@]}"; do
        number=$(value "$expression")
        grep -qE "(^|[^0-9])$number([^0-9]|\$)" <<<"${limit//,/}" || wrong "$page" "$what: the code says $number ($expression)"
    done
done < <(grep '^| ' "$page" | tail -n +2)
finish
