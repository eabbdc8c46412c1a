#!/usr/bin/env bash
# Checks the style of the .proto files with buf, installed by npm into $BUF's folder.
set -euo pipefail
cd "$(dirname "$0")"
if [ ! -x "$BUF" ] && command -v npm >/dev/null; then
  npm install --silent --no-save --prefix "${BUF%/node_modules/*}" "@bufbuild/buf@$BUF_VERSION" >/dev/null 2>&1 || true
fi
if [ -x "$BUF" ]; then
  exec "$BUF" lint
fi
case ",${VISUM_REQUIRE:-}," in
  *,buf,*) echo "buf is required and cannot be installed" >&2; exit 1 ;;
  *) echo "skipped: buf is not here and npm cannot install it" ;;
esac
