#!/usr/bin/env bash
# Run one stage: stage.sh TITLE LOG COMMAND [ARGUMENT...]
# Prints one line; everything the command says goes to LOG, the end of which is shown when it fails.
set -u
title=$1 log=$2
shift 2
mkdir -p "$(dirname "$log")"
printf '%-34s' "$title"
began=$SECONDS
if "$@" >"$log" 2>&1 </dev/null; then
    printf 'done, %d s\n' $((SECONDS - began))
else
    status=$?
    printf 'FAILED (status %d), log %s:\n' "$status" "$log"
    tail -n 40 "$log" | sed 's/^/    /'
    exit "$status"
fi
