#!/bin/bash
exec perl "$(dirname "$0")/rule.pl" words "$@"
