#!/bin/bash
# The version stands in extension/ayb_jobs.control; what packagers read says the same.
source "$(dirname "$0")/lib.sh"

control=extension/ayb_jobs.control
if [[ -f $control ]]; then
    version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$control")
    [[ $version ]] || wrong "$control:1" 'names no version'
    [[ $(sed -n '1s/^ayb-jobs (\([^)]*\)).*/\1/p' debian/changelog 2>/dev/null) == "$version" ]] ||
        wrong debian/changelog:1 "its newest entry is not of version $version"
    [[ $(sed "/\"meta-spec\"/,/}/d" META.json 2>/dev/null | grep -c "\"version\": \"$version.0\"") == 2 ]] || wrong META.json:1 "is not of version $version.0"
fi
finish
