# Run by Kubo's image before the daemon, in the environment of the container.
set -eu
ipfs config Datastore.StorageMax "$STORAGE_MAX"
# The names of roots are published with these keys. One that the node has already is left as it is.
for file in /run/secrets/ipns-keys/*; do
  [ -f "$file" ] || continue
  name=ipfs-registry-$(basename "$file")
  if ! ipfs key list | grep -qxF "$name"; then
    ipfs key import --format=pem-pkcs8-cleartext "$name" "$file"
  fi
done
