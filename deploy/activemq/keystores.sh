#!/bin/sh
# What the broker's Java needs of the PEM files in /etc/ssm-broker, made with its own keytool into its own volume. The password keeps nothing
# secret: the volume does.
set -eu
umask 077
cd /var/lib/ssm-broker
rm -f keystore.p12 truststore.p12 ca-*
cp /etc/ssm-broker/keystore.p12 keystore.p12
# keytool reads one certificate of a file.
awk '/BEGIN CERTIFICATE/ { n++ } { print > ("ca-" n) }' /etc/ssm-broker/ca.pem
for file in ca-*; do
  keytool -importcert -noprompt -alias "$file" -file "$file" -keystore truststore.p12 -storetype PKCS12 -storepass not-secret 2>&1
done
