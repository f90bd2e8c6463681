#!/bin/sh
# Renews the revocation lists of the CAs in /trust, every INTERVAL seconds; with `once` as argument only now. A CA says where its list is in
# a file HASH.crl_url or NAME.info beside it.
set -eu
export HOME=/tmp

renew() {
  # Written as a new file beside it and renamed, so that nobody reads half a list. State in /tmp: no list is lost with it.
  if fetch-crl --infodir /trust --output /trust --statedir /tmp --format openssl --agingtolerance 24 --httptimeout 60; then
    echo 'fetch-crl: revocation lists are up to date'
  else
    echo "fetch-crl: not all revocation lists could be renewed (exit $?)" >&2
    return 1
  fi
}

[ -w /trust ] || { echo "fetch-crl: uid $(id -u), gid $(id -g) may not write into the trust folder" >&2; exit 1; }
[ "${1-}" != once ] || { renew; exit; }
while :; do
  renew || true
  sleep "${INTERVAL:-21600}" &
  wait $!
done
