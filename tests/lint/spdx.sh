#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every source, script and build file says its licence in one of its first two lines.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=0
count=0
while IFS= read -r file; do
    [[ -f $file ]] || continue
    case $file in
        *.h | *.cc | *.py | *.sh | *meson.build) ;;
        *.*) continue ;;
        *) head -c 2 "$file" | grep -q '#!' || continue ;;
    esac
    [[ -s $file ]] || continue
    count=$((count + 1))
    if ! head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0'; then
        echo "$file:1: no SPDX-License-Identifier: Apache-2.0"
        bad=1
    fi
done < <(git ls-files --cached --others --exclude-standard)
[[ $bad -eq 0 ]] && echo "spdx: $count files carry their licence"
exit $bad
