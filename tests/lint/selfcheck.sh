#!/bin/bash
exec perl "$(dirname "$0")/selfcheck.pl"
