#!/bin/sh
# The image `flowsift`, of the static program given, with the first of podman, buildah and docker that is there.
set -eu
program=$1
here=$(cd "$(dirname "$0")" && pwd)
name=${2:-flowsift}

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$program" "$context/flowsift"
chmod 0755 "$context/flowsift"
for builder in podman buildah docker; do
    command -v $builder >/dev/null || continue
    exec_build=build
    [ $builder = buildah ] && exec_build=bud
    $builder $exec_build ${BUILD_OPTIONS:-} -t "$name" -f "$here/Containerfile" "$context"
    exit 0
done
echo "make container: podman, buildah or docker is missing: apt-get install buildah" >&2
exit 1
