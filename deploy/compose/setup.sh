#!/bin/sh
# Before everything else in the stack: certificates, what the broker must know, and folders that the services may write. Changes only what
# it or Docker made; what is the user's is looked at, and what is wrong with it said. Runs again at each start.
#   /certificates, /certificates/trust   the certificates; demo ones are made when the folder is empty
#   /folders/outgoing|incoming|reject     the queues
#   /broker                               a volume of the broker's alone
# Environment: RUN_UID, RUN_GID (of the services), DESTINATION, OWN_TRUST (empty: the folder trust is one of certificates).
set -eu

here=$(dirname "$0")
faults=0
say() { echo "setup: $*"; }
fault() {
  say "$*" >&2
  faults=$((faults + 1))
}
as_service() { setpriv --reuid "$RUN_UID" --regid "$RUN_GID" --clear-groups "$@"; }
stop_at_faults() {
  [ "$faults" = 0 ] && return
  say "nothing was started. Put it right, then start again." >&2
  exit 1
}

check_folder() {
  folder=/folders/$1
  if as_service test -r "$folder" -a -w "$folder" -a -x "$folder"; then
    # What the services keep there must be theirs too.
    for inner in "$folder"/.claimed "$folder"/.quarantine "$folder"/.staging "$folder"/.delivered; do
      [ ! -d "$inner" ] || as_service test -w "$inner" || fault "./$1/${inner##*/} belongs to uid $(stat -c '%u' "$inner"), the services run as uid $RUN_UID: was SSM_UID another one before?
setup:   Set it back, or give them what is there: sudo chown -R $RUN_UID:$RUN_GID $1"
    done
    return
  fi
  owner=$(stat -c '%u' "$folder") group=$(stat -c '%g' "$folder")
  # Docker makes a folder that is missing, as root. Whoever has the checkout shall drop files there; the services come in by their group.
  if [ "$owner" = 0 ] && [ -z "$(ls -A "$folder")" ]; then
    person=$(stat -c '%u' "$here")
    [ "$person" != 0 ] || person=$RUN_UID
    chown "$person:$RUN_GID" "$folder"
    chmod 775 "$folder"
    say "./$1 is made, for uid $person and gid $RUN_GID"
    return
  fi
  fault "./$1 belongs to uid $owner, gid $group (mode $(stat -c '%a' "$folder")); the services run as uid $RUN_UID, gid $RUN_GID and may not write there.
setup:   Either let them run as its owner: write SSM_UID=$owner and SSM_GID=$group into the file .env beside docker-compose.yml;
setup:   or give it to them: sudo chown -R $RUN_UID:$RUN_GID $1"
}

# need FILE WHAT: it is there, and the services can read it
need() {
  if [ ! -e "/certificates/$1" ]; then fault "certificates/$1 is missing: $2"
  elif ! as_service test -r "/certificates/$1"; then
    fault "certificates/$1 cannot be read by uid $RUN_UID, gid $RUN_GID: it belongs to uid $(stat -c '%u' "/certificates/$1") (mode $(stat -c '%a' "/certificates/$1"))"
  fi
}

check_certificates() {
  need sender/hostcert.pem 'certificate of the sender'
  need sender/hostkey.pem 'its key'
  need receiver/hostcert.pem 'certificate of the receiver'
  need receiver/hostkey.pem 'its key'
  need receiver/dns 'the DNs that may send, one a line'
  # The broker's are copied by root, below.
  for file in hostcert.pem hostkey.pem; do [ -e "/certificates/broker/$file" ] || fault "certificates/broker/$file is missing: the broker's"; done
  [ -n "$(authorities)" ] || fault 'certificates/trust has no CA certificate (HASH.0 or *.pem)'
}

authorities() { find -L /certificates/trust -maxdepth 1 -type f \( -name '*.[0-9]' -o -name '*.pem' -o -name '*.crt' \) | sort; }

# The file .demo has the SHA-256 of every demo certificate, key and list: what is still the same was made here.
demo_files() { (cd /certificates && sha256sum --check .demo 2>/dev/null | sed -n 's/: OK$//p'); }
demo_is_whole() { (cd /certificates && sha256sum --check --status .demo 2>/dev/null); }
own_files() { (cd /certificates && find . -name '.demo*' -o \( -type f -o -type l \) -printf '%P\n' | grep -vxF "$(demo_files)"); }

make_demo() {
  why='certificates is empty'
  [ -z "$(demo_files)" ] || why='some of the demo certificates are missing'
  say "$why: demo certificates are made, all of them. Put your own there instead: docs/containers.md"
  made=$(mktemp -d)
  sh "$here/demo-certificates.sh" "$made"
  files=$(cd "$made" && find . -type f -printf '%P\n')
  (cd "$made" && printf '%s\n' "$files" | xargs sha256sum) >"$made.sums"
  # When this is interrupted, old and new ones are there: with the sums of both, the next start knows them all, and begins anew.
  { cat /certificates/.demo 2>/dev/null || true; cat "$made.sums"; } | replace /certificates/.demo
  printf '%s\n' "$files" | while read -r file; do
    mkdir -p "/certificates/${file%/*}"
    cp -p "$made/$file" "/certificates/${file%/*}/.demo-new"
    mv -f "/certificates/${file%/*}/.demo-new" "/certificates/$file"
  done
  replace /certificates/.demo <"$made.sums"
  rm -r "$made" "$made.sums"
}

# replace FILE: with standard input, whole or not at all
replace() { cat >"$1-new" && mv -f "$1-new" "$1"; }

prepare_certificates() {
  # With a trust folder of his own the user has certificates too.
  if [ -z "$OWN_TRUST" ]; then
    if [ -z "$(own_files)" ] && ! demo_is_whole; then make_demo; fi
    # Theirs whoever they are today; with fetch-crl they renew revocation lists there.
    demo_files | while read -r file; do chown -h "$RUN_UID:$RUN_GID" "/certificates/$file" "/certificates/${file%/*}"; done
    if demo_is_whole; then chown "$RUN_UID:$RUN_GID" /certificates /certificates/.demo; fi
  fi
  check_certificates
}

# subject FILE: as the brokers name it
subject() { openssl x509 -in "$1" -noout -subject -nameopt "$2" | sed 's/^subject=//; s/\\/\\\\/g; s/"/\\"/g'; }

password_hash() {
  # RabbitMQ's own: four bytes of salt, then the SHA-256 of salt and password.
  openssl rand 4 >/tmp/salt
  { cat /tmp/salt; { cat /tmp/salt; printf %s "$1"; } | openssl dgst -sha256 -binary; } | openssl base64 -A
}

prepare_broker() {
  umask 022
  install -m 644 /certificates/broker/hostcert.pem /broker/hostcert.pem
  # The volume is the broker's alone, whose uid depends on its image.
  install -m 644 /certificates/broker/hostkey.pem /broker/hostkey.pem
  authorities | while read -r file; do openssl x509 -in "$file"; done >/broker/ca.pem
  [ -s /broker/admin-password ] || openssl rand -hex 16 >/broker/admin-password
  definitions >/broker/definitions.json
  activemq_users
}

definitions() {
  queue=${DESTINATION#/queue/}
  pattern=$(printf %s "$queue" | sed 's/[][().*+?^${}|\\]/\\\\&/g')
  cat <<END
{
  "vhosts": [{ "name": "/" }],
  "users": [
    { "name": "admin", "password_hash": "$(password_hash "$(cat /broker/admin-password)")", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ["administrator"] },
    { "name": "$(subject /certificates/sender/hostcert.pem RFC2253)", "password_hash": "", "tags": [] },
    { "name": "$(subject /certificates/receiver/hostcert.pem RFC2253)", "password_hash": "", "tags": [] },
    { "name": "$(subject /certificates/broker/hostcert.pem RFC2253)", "password_hash": "", "tags": [] }
  ],
  "permissions": [
    { "user": "admin", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*" },
    { "user": "$(subject /certificates/sender/hostcert.pem RFC2253)", "vhost": "/", "configure": "^$pattern$", "write": "^(amq\\\\.default|$pattern)$", "read": "^$" },
    { "user": "$(subject /certificates/receiver/hostcert.pem RFC2253)", "vhost": "/", "configure": "^$pattern$", "write": "^$", "read": "^$pattern$" },
    { "user": "$(subject /certificates/broker/hostcert.pem RFC2253)", "vhost": "/", "configure": "^$", "write": "^$", "read": "^$" }
  ],
  "exchanges": [
    { "name": "dead-letters", "vhost": "/", "type": "fanout", "durable": true, "auto_delete": false, "arguments": {} }
  ],
  "queues": [
    { "name": "$queue", "vhost": "/", "durable": true, "auto_delete": false, "arguments": { "x-queue-type": "quorum" } },
    { "name": "dead-letters", "vhost": "/", "durable": true, "auto_delete": false, "arguments": { "x-queue-type": "quorum" } }
  ],
  "bindings": [
    { "source": "dead-letters", "vhost": "/", "destination": "dead-letters", "destination_type": "queue", "routing_key": "", "arguments": {} }
  ],
  "policies": [
    { "name": "keep-everything", "vhost": "/", "pattern": "^$pattern$", "apply-to": "quorum_queues", "priority": 0,
      "definition": { "delivery-limit": -1, "dead-letter-exchange": "dead-letters", "dead-letter-strategy": "at-least-once", "overflow": "reject-publish" } }
  ]
}
END
}

activemq_users() {
  mkdir -p /broker/activemq
  openssl pkcs12 -export -name broker -in /broker/hostcert.pem -inkey /broker/hostkey.pem -passout pass:not-secret -out /broker/keystore.p12
  {
    echo "sender=$(subject /certificates/sender/hostcert.pem RFC2253,sep_comma_plus_space)"
    echo "receiver=$(subject /certificates/receiver/hostcert.pem RFC2253,sep_comma_plus_space)"
  } >/broker/activemq/users.properties
  printf 'senders=sender\nreceivers=receiver\n' >/broker/activemq/groups.properties
}

for folder in outgoing incoming reject; do check_folder "$folder"; done
prepare_certificates
stop_at_faults
prepare_broker
person=$(stat -c '%u' "$here")
case $person in
  0 | "$RUN_UID") ;;
  *) say "this folder belongs to uid $person, the services run as uid $RUN_UID: you can drop files and look at what arrives; to remove it too, write SSM_UID=$person into .env" ;;
esac
say 'certificates, broker and folders are ready'
