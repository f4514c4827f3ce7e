# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the tests of rooms, which set cella, image and tee: steps of rooms of three parties, and
# checks; at last a platform and the parties' keys.
. "$(dirname "$0")/../cli/checks.sh"
folder=$(mktemp -d)
host=
trap '[ -z "$host" ] || kill "$host" 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export XDG_DATA_HOME=$folder/data CELLA_PLATFORM=$folder/platform

refuses() { # something may be on stdout before it
    fails "$1"
}

# party VERB NAME [ARGUMENT...]: in room $room
party() {
    verb=$1 name=$2
    shift 2
    try "$cella" room "$verb" "$room" --as "$name" --folder "$name" "$@"
}

# host_starts [OPTION...]: runs the room in the background; host_ends: waits, as try.
host_starts() {
    : >host.out # what the last one said is not taken for this one's
    timeout 120 "$cella" room run "$room" --tee "$tee" --image "$image" --wait 60 "$@" \
        >host.out 2>host.err </dev/null &
    host=$!
}
# soon COMMAND...: waits until it succeeds, for 10 s at most.
soon() {
    for try in $(seq 200); do
        "$@" 2>/dev/null && return
        sleep 0.05
    done
}
# A nonce in north's name, and the enclave's answer.
someone_asks() {
    soon grep -q waiting host.out
    head -c 32 /dev/urandom >"$room/run/north.nonce"
    soon test -e "$room/run/north.statement"
}
host_ends() {
    command="cella room run"
    wait "$host"
    status=$?
    host=
    cp host.out out && cp host.err err
}

# room_make NAME [EXPRESSION...]: a contract, changed by Python statements over `c`, signed and filled.
room_make() {
    room=$1
    shift
    mkdir -p "$room"
    python3 - "$room/contract.json" "$mrenclave" "$tee" "$root" "$@" <<'END' || exit 1
import json, os, sys
path, mrenclave, tee, root = sys.argv[1:5]
def party(name, role):
    key = json.load(open(f"{os.environ['XDG_DATA_HOME']}/cella/keys/{name}.pub"))
    return {"name": name, "role": role, "signing_key": key["signing_key"],
            "receiving_key": key["receiving_key"]}
def data(name):
    return {"name": name + "_data", "owner": name, "format": "csv", "box": "any", "columns": [
        {"name": "id", "type": "integer", "role": "identifier"}], "rules": {}}
c = {"cella_contract": 1, "title": os.path.dirname(path), "purpose": "To see it work.",
     "program": {"mrenclave": [mrenclave]}, "tee": [tee], "platform_roots": [root], "posture": {},
     "parties": [party("north", "owner"), party("south", "owner"), party("desk", "recipient")],
     "inputs": [data("north"), data("south")],
     "parameters": [{"name": "level", "type": "real", "from": "desk", "least": 0, "most": 1}],
     "statements": [{"name": "people", "from": {"input": "north_data", "as": "n"},
                     "select": [{"name": "n", "individuals": "n"}]}],
     "outputs": [{"name": "people", "statement": "people", "format": "csv",
                  "recipients": ["north", "desk"], "rules": {}}],
     "runs": 4, "not_before": "2026-01-01T00:00:00Z", "not_after": "2098-01-01T00:00:00Z",
     "log": ["north"]}
for change in sys.argv[5:]:
    exec(change)
json.dump(c, open(path, "w"), indent=1)
END
    for name in north south desk; do
        party sign $name
        exits 0
    done
    for name in north south; do
        party add $name ${name}_data $name.csv
        exits 0
    done
}

# releases [NAME...]: each of them, in its order
releases() {
    for name; do
        set_level=
        [ "$name" != desk ] || set_level="--set level=0.95"
        party release "$name" $set_level
        exits 0
        shows "$name has released to this enclave"
    done
}

"$cella" platform init >out || exit 1
root=$("$cella" platform show --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["root"])')
mrenclave=$(sha256sum <"$image" | cut -d' ' -f1)
for name in north south desk west; do
    mkdir $name
    "$cella" key new $name >/dev/null || exit 1
    printf 'id\n1\n2\n%s\n' $name >$name.csv
done
