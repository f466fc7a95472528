#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The top level is fixed (architecture): a new entry there is a decision, not an accident. Every folder of
# the map opens with a README.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=0
complain() {
    echo "$1"
    bad=1
}

while IFS= read -r entry; do
    case $entry in
        meson.build | gateway | classifier | exporters | feeds | tests | deploy | README.md | LICENSE | CHANGELOG.md) ;;
        .*) ;;
        *) complain "$entry: not part of the fixed top level" ;;
    esac
done < <(git ls-files --cached --others --exclude-standard | cut -d/ -f1 | sort -u)

for entry in meson.build README.md LICENSE CHANGELOG.md tests/run .ci/run deploy/quickstart; do
    [[ -e $entry ]] || complain "$entry: missing"
done
for entry in tests/run .ci/run deploy/quickstart; do
    [[ ! -e $entry || -x $entry ]] || complain "$entry: not executable"
done
for folder in gateway/{model,dataplane,identity,policy,control,config,cli} classifier feeds exporters tests deploy; do
    [[ -s $folder/README.md ]] || complain "$folder/README.md: missing"
done
[[ $bad -eq 0 ]] && echo "layout: the top level and the READMEs are as agreed"
exit $bad
