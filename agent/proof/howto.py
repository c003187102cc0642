"""The text in a bundle that says how to check it: with our verifier, and with nothing of ours."""

from __future__ import annotations

from typing import Final

WITH_OPENSSL: Final = r"""
set -e
x=$(sed -n 's/.*"x": *"\([^"]*\)".*/\1/p' key.jwk)
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; printf '%s=' "$x" | basenc --base64url -d; } |
  openssl pkey -pubin -inform DER -out key.pem

parts() {                                # $1: a record. H..S is its detached signature, the body is what it signs
  body="${1%,\"sig\":\"*}}"; jws="${1##*,\"sig\":\"}"; jws="${jws%\"\}}"
  { printf '%s.' "${jws%%..*}"; printf '%s' "$body" | basenc --base64url -w0 | tr -d =; } > message
  printf '%s==' "${jws##*..}" | basenc --base64url -d > signature
}
before=""
while IFS= read -r record; do
  parts "$record"
  openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in message -sigfile signature > /dev/null ||
    { echo "WRONG SIGNATURE: $record"; exit 1; }
  case "$record" in *"\"prev\":\"$before"*) ;; *) echo "NOT AFTER THE ONE BEFORE: $record" ;; esac
  before=$(openssl dgst -sha256 -binary message | basenc --base64url -w0 | tr -d =)
done < records.jsonl
echo "records: every signature holds, and every record names the one before it (unless said otherwise above)"

IFS= read -r sealed < manifest.sig.json || true
parts "$sealed"
openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in message -sigfile signature
printf '%s' "$sealed" | grep -o '"sha256":"[^"]*"'
sha256sum manifest.json
"""
"""For a POSIX shell with coreutils and OpenSSL 3. A test runs it on a real bundle."""

_ZH: Final = """\
这是什么
  一个现场网关在一段时间内的全部签名记录. 每条记录由网关的私钥签名, 并写明前一条记录的摘要,
  因此不能修改、删除、插入或倒签.

文件
  records.jsonl      记录原文, 每行一条, 一个字节也没有改动; 包括期间之前的一条和之后的一条, 使两端也不能缺少
  elsewhere.jsonl    同一条链中期间以外、但需要用到的记录: 创世记录, 以及说明期间内缺号的缺口记录
  key.jwk            网关的公钥
  chain.json         链的编号, 首末编号和摘要, 缺少的编号及原因, 已丢弃记录的摘要
  report.html        供人阅读的报告 (不是证据, 证据是上面的文件)
  manifest.json      以上各文件的 SHA-256, 网关, 期间, 软件, 何人为何导出
  manifest.sig.json  网关对 manifest.json 的签名

用 plantgate 检查
  plantgate verify 本文件.zip --key 平台登记的公钥.jwk
  公钥应取自平台登记或装机验收报告, 不应只取自本文件: 否则只证明记录彼此一致, 不证明出自哪一台网关.

不用我们的软件检查
  签名是普通的 JWS (RFC 7515 附录 F, Ed25519, RFC 8037), 任何 JWS 库都可验证. 只用 OpenSSL 3 的方法见下面的脚本.
  用 sha256sum 比较各文件与 manifest.json; 用 manifest.json 的 SHA-256 与 manifest.sig.json 中的 sha256 比较.
"""

_EN: Final = """\
What this is
  All records that one gateway signed in a period. Each is signed with the gateway's private key and names the record
  before it, so that none can be changed, removed, put in or dated back.

Files
  records.jsonl      the records as they were signed, byte for byte, one on a line, in order; with the last one before
                     the period and the first one after it, so that nothing can be missing at the edges
  elsewhere.jsonl    records of the same chain from outside the period that are needed to check it: the first record of
                     the chain, which names the key, and signed gaps that say why numbers are missing in the period
  key.jwk            the gateway's public key
  chain.json         the chain's id, first and last number and id, what is not here and why, ids of what was dropped
  report.html        the same for people to read (it proves nothing; the files above do)
  manifest.json      SHA-256 of each of these files, gateway, period, software, who asked and why
  manifest.sig.json  the gateway's signature of manifest.json

With plantgate
  plantgate verify THIS.zip --key GATEWAY.jwk
  Take the key from the platform where the gateway was enrolled, or from its acceptance report, not only from this file:
  else the records prove that they agree with each other, not which gateway made them.

Without any software of ours
  The signatures are ordinary detached JWS (RFC 7515 appendix F, Ed25519 after RFC 8037); any JWS library checks them.
  Compare each file's SHA-256 with manifest.json, and that of manifest.json with "sha256" in manifest.sig.json.
  Where manifest.sig.json is not a record but has "protected" and "signature", the gateway's program did not run when
  the bundle was made: that is a flattened JWS (RFC 7515 section 7.2.2) whose payload is the bytes of manifest.json.
  Where it is absent nobody signed the list of files; then only the records prove themselves.
  With OpenSSL 3 and a shell, in the folder of the unpacked files:
"""

HOWTO: Final = f"{_ZH}\n{'-' * 100}\n\n{_EN}{WITH_OPENSSL}".encode()
