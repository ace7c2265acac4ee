#!/bin/sh
# Looks for words that are misspelt often and proposes to mend them, as one patch.
set -eu

host() { ai_onboard host "$@"; }

task=$(host task)
field() { printf '%s\n' "$task" | sed -n "s/^$1	//p"; }

root=$(field root)
most=$(field settings.files)
most=${most:-5}

# What is misspelt, and what was meant.
mend() {
    sed -e 's/\bteh\b/the/g' -e 's/\brecieve/receive/g' -e 's/\boccured\b/occurred/g' \
        -e 's/\bseperate/separate/g' -e 's/\bdefinately\b/definitely/g'
}
wrong='\b(teh|occured|definately)\b|\b(recieve|seperate)'

cd "$root"
found=$(
    grep -rIlE --include='*.md' --include='*.txt' --exclude-dir=.git --exclude-dir=target \
        --exclude-dir=node_modules "$wrong" . 2>/dev/null | sed 's|^\./||' | sort | head -n "$most"
) || true
if [ -z "$found" ]; then
    host finish --nothing-to-report --summary "no misspelt word found"
    exit 0
fi

patch=$(
    printf '%s\n' "$found" | while IFS= read -r path; do
        # diff says 1 when the two differ.
        mend <"$path" | diff -u --label "a/$path" --label "b/$path" "$path" - || true
    done
)
count=$(printf '%s\n' "$found" | wc -l)

set --
while IFS= read -r path; do
    set -- "$@" --evidence "file=$path"
done <<EOF
$found
EOF
answer=$(printf '%s\n' "$patch" | host propose \
    --title "mend misspelt words in $((count)) file(s)" \
    --reason "These spellings are never meant. Only the words change." "$@" | tr '\t' ' ')
host finish --summary "proposed to mend $((count)) file(s): $answer"
