"""Migrations that were published are run in many places: a change of one would never reach those that ran it."""

import hashlib
from pathlib import Path

import bridge.store

VERSIONS = Path(bridge.store.__file__).with_name("migrations") / "versions"

# A new migration is added here when it is committed, and never changed again: write another one instead.
FROZEN = {
    "0001_initial.py": "44f2d2bd1c72f558b54beab5637bf827665f316f581ded6dcbde9b8241316959",
    "0002_requests.py": "88dde17b760ae86862d22c1d954975c1f303b0a30e943d61a561dd099c00b54f",
    "0003_compensations.py": "f6612a2f98b11c70a7a8cd0e2e720db1123f8835047938ddc9c5756f1e9fd58c",
    "0004_retention.py": "2c1909be6bfd66b8a00de3f34885a8a16f14ac617aa78d3cec3cda6e04e524b8",
    "0005_echoes.py": "0a9467adb2f0b2d4d36c9354eb3c8de0f72265aec954bbb09a785e2f99467a58",
    "0006_told.py": "ae86a70dc3c3a751353521b58bb6c48390fb87eadb92c4bf035de654884b6ff4",
    "0007_due.py": "5353c5f3aae3913efc289221a6a4a88c1cd77f5f0e756ad61ba8f85edd5598e4",
    "0008_ordering_keys.py": "5562b77fdafe2964f4c2916cbd6b74946b87327f8e84b2223fd121c336555e43",
    "0009_revisions.py": "db08e311aa6c4590ea4b942bb0a58f4d3d99ce162fdb1f256fbcac8bc22a90a1",
    "0010_processes.py": "2a441872055fb9d5affaf36240654d83806ffbf966ccf0d0bae9fd27a2e6a1c2",
    "0011_listener_health.py": "81e58ac0532cf0936ebc5025af722d6290a72c8344659fba4080ae02f999bdcc",
    "0012_trace.py": "abe1e5642bf970648ebcfee7ed5e8612a3e01fd14e33cb54a8b8f8621000f524",
    "0013_lists.py": "a251735fe2d62b1467d946dfff6cf15836ac1f4dfa4eba104222afbc99dc771b",
    "0015_audit.py": "8cec363172805ffa747cf8b97dd4dbac800c1e0f2cfb7081f6dd787b0af8014c",
    "0016_partitionings.py": "3886d77c7de0016a8cef61ec000f11538a6bff6f679193543f267abbdeb46a52",
    "0017_activations.py": "c07dfbbe82aae76a2c49cdc51026e5b795f93a170c8245f1e2f2661c0098796d",
    "0018_ended_sessions.py": "387fdfc20dbc9b7ff65aae306377e4eae99ebd7675dc795e34f9eda502ade3c9",
    "0019_newest_commands.py": "35d2c1360abc5d4d33a6b9f97a3f97e56abc313f869efc0da87f0206b2247ee4",
    "0020_divided_by.py": "558f43fd352194fa60c6f8ae602a2587294aa74eae2b1163ca381ee60b22bcf8",
    "0014_requests_and_traces.py": "7efa61572ec5a7fcdfe57e2547b6456106bb20d33aee489609e14d1f51b7a7d9",
}


def test_no_migration_is_changed_after_it_was_published() -> None:
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VERSIONS.glob("*.py")} == FROZEN
