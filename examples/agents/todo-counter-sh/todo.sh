#!/bin/sh
# Counts TODO and FIXME, remembers the count, and tells when it has grown.
set -eu

host() { ai_onboard host "$@"; }

task=$(host task)
field() { printf '%s\n' "$task" | sed -n "s/^$1	//p"; }

root=$(field root)
growth=$(field settings.growth)
growth=${growth:-10}

host progress 0/2 "counting"
# One line a file, `count:path`, the most first; binary files and what tools made are left out.
counts=$(
    cd "$root"
    grep -rIEcw --exclude-dir=.git --exclude-dir=target --exclude-dir=node_modules \
        'TODO|FIXME' . 2>/dev/null |
        sed -n 's|^\./\(.*\):\([1-9][0-9]*\)$|\2:\1|p' | sort -t: -k1,1nr -k2 || true
)
total=$(printf '%s\n' "$counts" | awk -F: '{ sum += $1 } END { print sum + 0 }')

host progress 1/2 "comparing"
# What was there when it was last told; the first run only remembers.
if ! told=$(host checkpoint load told); then
    printf '%s' "$total" | host checkpoint save told
    host finish --nothing-to-report --summary "$total TODO and FIXME; remembered for next time"
    exit 0
fi

if [ "$((total - told))" -lt "$growth" ]; then
    # Fewer than before is the new measure: growth is told from the best the project has been.
    if [ "$total" -lt "$told" ]; then
        printf '%s' "$total" | host checkpoint save told
    fi
    host finish --nothing-to-report --summary "$total TODO and FIXME, $told when last told"
    exit 0
fi

# The five files with the most of them are the evidence.
set -- --evidence "number=TODO and FIXME:$total"
rest=$(printf '%s\n' "$counts" | head -n 5)
while IFS=: read -r count path; do
    [ -n "$path" ] && set -- "$@" --evidence "file=$path"
done <<EOF
$rest
EOF
host finding --rule todo/growth --severity low --target "$total" \
    --title "$((total - told)) more TODO and FIXME ($total in all)" \
    --detail "There were $told when this was last told." \
    --action "Turn the ones that matter into tasks and delete the rest." "$@" >/dev/null
printf '%s' "$total" | host checkpoint save told
host finish --summary "$total TODO and FIXME, $told when last told"
