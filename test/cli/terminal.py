"""Runs a command on a pseudo-terminal, types keys when prompts appear, prints what the terminal showed."""
import json
import os
import pty
import sys

script = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execv(script["argv"][0], script["argv"])

shown = b""
seen = 0
for key in script["keys"] + [None]:
    while key is None or key["prompt"].encode() not in shown[seen:]:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            part = b""
        if not part:
            break
        shown += part
    if key is None:
        break
    seen = len(shown)
    os.write(terminal, key["type"].encode())

sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
