#!/bin/sh
# demo-certificates.sh FOLDER: a throw-away PKI for one sender, one receiver and a broker on one machine, below an empty FOLDER. Needs openssl 3.
# The CA's key is thrown away at the end: nobody can make another certificate that these services trust.
set -eu

target=$1
days=3650
base='/C=UK/O=eScience'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077

quiet() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

cat >"$work/ca.conf" <<END
[ca]
default_ca = demo
[demo]
database = $work/index.txt
crlnumber = $work/crlnumber
default_md = sha256
default_crl_days = $days
[req]
distinguished_name = dn
[dn]
[ca_extensions]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[host_extensions]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = \${ENV::NAMES}
END
: >"$work/index.txt"
echo 01 >"$work/crlnumber"
export NAMES=DNS:unused

quiet openssl req -x509 -newkey rsa:2048 -noenc -config "$work/ca.conf" -extensions ca_extensions \
  -subj "$base/CN=SSM Demo CA" -days "$days" -keyout "$work/ca-key.pem" -out "$work/ca.pem"

# identity FOLDER COMMON-NAME NAMES
identity() {
  mkdir -p "$target/$1"
  rm -f "$target/$1/hostkey.pem" "$target/$1/hostcert.pem"
  NAMES=$3
  quiet openssl req -newkey rsa:2048 -noenc -config "$work/ca.conf" -subj "$base/OU=Demo/CN=$2" \
    -keyout "$target/$1/hostkey.pem" -out "$work/request.pem"
  quiet openssl x509 -req -in "$work/request.pem" -CA "$work/ca.pem" -CAkey "$work/ca-key.pem" -days "$days" \
    -extfile "$work/ca.conf" -extensions host_extensions -out "$target/$1/hostcert.pem"
  chmod 400 "$target/$1/hostkey.pem"
  chmod 444 "$target/$1/hostcert.pem"
}
identity sender sender.example.org DNS:sender.example.org
identity receiver receiver.example.org DNS:receiver.example.org
identity broker broker.example.org DNS:broker.example.org,DNS:rabbitmq,DNS:activemq,DNS:localhost,IP:127.0.0.1

install -m 444 "$target/receiver/hostcert.pem" "$target/sender/receiver.pem"
echo "$base/OU=Demo/CN=sender.example.org" >"$target/receiver/dns"

hash=$(openssl x509 -in "$work/ca.pem" -noout -subject_hash)
mkdir -p "$target/trust"
cp "$work/ca.pem" "$target/trust/$hash.0"
quiet openssl ca -config "$work/ca.conf" -gencrl -cert "$work/ca.pem" -keyfile "$work/ca-key.pem" -out "$target/trust/$hash.r0"
cat >"$target/trust/$hash.signing_policy" <<END
access_id_CA X509 '$base/CN=SSM Demo CA'
pos_rights globus CA:sign
cond_subjects globus '"$base/*"'
END
chmod 644 "$target"/trust/* "$target/receiver/dns"
chmod 755 "$target/sender" "$target/receiver" "$target/broker" "$target/trust"
