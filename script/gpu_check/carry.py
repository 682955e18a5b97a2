# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Taking script/gpu-check to another machine: large files whose contents repeat as runs, programs with the libraries they need.

A file of runs: a magic, then until the end: how long a piece is and how often it stands there (two 64-bit numbers), the piece, of which
the last repetition may be cut by the third number. Artifacts of synthetic.py, whose tensors repeat, become a few megabytes.
"""
import lzma
import mmap
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tarfile

MAGIC = b"LMOPTRN1"
PROBE, FURTHEST, LITERAL = 64, 8 << 20, 1 << 16
HEAD = struct.Struct("<QQQ")  # bytes of the piece, whole repetitions, bytes of one more
LOADER, CARRIED = b"/lib64/ld-linux-x86-64.so.2", "build/lib/carried"
COMMIT = "commit.txt"
DICTIONARY = 128 << 20  # bytes; who unpacks has as much
PROGRAMS = ("lmopt", "dump-logits", "gpu-replay", "gpu-sweep")
# Kept launches above that are mostly random numbers, which nothing makes smaller.
LARGE_LAUNCH = 64 << 10
# What drivers of cards need of the C library beside that: it must be of one version.
BESIDE_LIBC = ("libdl.so.2", "librt.so.1", "libpthread.so.0", "libm.so.6")


#===--- Runs ---===#

def run_length(data, begin, period):
    """How many bytes from here equal those a period later."""
    length, step, end = 0, period, len(data) - period
    while begin + length < end:
        step = min(step * 2, 16 << 20, end - begin - length)
        at = begin + length
        if data[at:at + step] != data[at + period:at + period + step]:
            if step <= PROBE:
                return length
            step = max(step // 8, 1)
            continue
        length += step
    return length


def find_run(data, begin):
    """Period and length of what repeats from here on, or None."""
    again = data.find(data[begin:begin + PROBE], begin + 1, begin + FURTHEST)
    if again < 0 or begin + PROBE > len(data):
        return None
    period = again - begin
    length = run_length(data, begin, period) + period
    return (period, length) if length >= max(4 * period, LITERAL) else None


def put(file, piece, length):
    file.write(HEAD.pack(len(piece), length // len(piece), length % len(piece)) + piece)


def shrink(source, packed):
    """Writes `source` as runs."""
    with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, open(packed, "wb") as out:
        out.write(MAGIC)
        at = 0
        while at < len(data):
            period, length = find_run(data, at) or (0, 0)
            if not length:
                period = length = min(LITERAL // 16, len(data) - at)
            put(out, data[at:at + period], length)
            at += length


def expand(packed, target):
    """Writes again what `packed` was made of."""
    with open(packed, "rb") as file, open(target, "wb") as out:
        if file.read(len(MAGIC)) != MAGIC:
            raise OSError(f"{packed}: not a file of runs")
        while head := file.read(HEAD.size):
            size, times, rest = HEAD.unpack(head)
            piece = file.read(size)
            if len(piece) != size:
                raise OSError(f"{packed}: it ends early")
            many = piece * max(1, min(times, (4 << 20) // max(size, 1)))
            for _ in range(times * size // len(many)):
                out.write(many)
            out.write(many[:times * size % len(many)] + piece[:rest])


#===--- Programs ---===#

def libraries_of(program):
    """Paths of the shared libraries that it needs, and of the loader that brings them."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
    return [pathlib.Path(path) for path in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", done.stdout, re.M)]


def too_large_launches(folder):
    """Kept launches that stay behind: the large ones, but for the smallest of each kernel, whatever its sizes are."""
    kernels = {}
    for path in sorted(folder.glob("*.launch"), key=lambda each: each.stat().st_size):
        kernels.setdefault(re.sub(r"_([nk])\d+(?=_)", r"_\1", re.sub(r"-\d+$", "", path.stem)), []).append(path)
    return [path for paths in kernels.values() for path in paths[1:] if path.stat().st_size > LARGE_LAUNCH]


def pack(root, build, models, target, commit):
    """All that script/gpu-check needs, in a folder of its own and in an archive beside it, which is the result."""
    shutil.rmtree(target, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__", "generate", "*.safetensors", "*.gguf")  # nothing is compiled there
    for name in ("script/gpu_check", "test/e2e", "test/models"):
        shutil.copytree(root / name, target / name, ignore=ignore)
    files = [(root / "script/gpu-check", "script/gpu-check"), (build / "lib/fake/libcuda.so.1", "build/lib/fake/libcuda.so.1"),
             *((build / "bin" / name, f"build/bin/{name}") for name in PROGRAMS)]
    libraries = {path for source, _ in files[1:] for path in libraries_of(source)}
    libc = next(path for path in libraries if path.name.startswith("libc.so"))
    libraries |= {libc.parent / name for name in BESIDE_LIBC if (libc.parent / name).exists()}
    files += [(path, f"{CARRIED}/{'ld.so' if path.name.startswith('ld-linux') else path.name}") for path in libraries]
    for source, name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target / name)  # what links point to
    left = {path.name for path in too_large_launches(models / "kernels")}
    ignored = shutil.ignore_patterns("smollm2-*", "minilm-*", "*.cpu.so")
    shutil.copytree(models, target / "models", ignore=lambda folder, names: ignored(folder, names) | left.intersection(names))
    (target / COMMIT).write_text(commit + "\n", encoding="utf8")
    archive = target.parent / (target.name + ".tar.xz")
    # Models of one family have nearly the same text, far from one another.
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 3, "dict_size": DICTIONARY}]
    with lzma.open(archive, "wb", filters=filters) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        tar.add(target, target.name)
    return archive


def too_large(archive, target, limit):
    """What to say of an archive of more than `limit` bytes, or None. The largest kinds of what is in it come first, compressed alone."""
    size = archive.stat().st_size
    if size <= limit:
        return None
    kinds = {}
    for path in target.rglob("*"):
        if path.is_file():
            kind = path.relative_to(target).parts[0] + "/*" + "".join(path.suffixes[-2:])
            kinds[kind] = kinds.get(kind, 0) + len(lzma.compress(path.read_bytes(), preset=1))
    largest = sorted(kinds.items(), key=lambda item: -item[1])[:5]
    return f"{archive} has {size / 2**20:.1f} MiB, more than the {limit / 2**20:.0f} of --pack-limit; the most of it: " \
           f"{', '.join(f'{kind} {bytes_ / 2**20:.1f}' for kind, bytes_ in largest)}"


def starts(command, root):
    """Whether this machine has what the program needs."""
    try:
        return subprocess.run([*command, "--version"], capture_output=True, check=False, cwd=root).returncode == 0
    except OSError:
        return False


def settle(root, build, always):
    """Where the machine's libraries are too old, programs take those that were carried along: their loader is named by a path that
    counts from the working directory, which is `root` (Programs.start), and where it finds the others is told to them alone: neither
    Python nor NVIDIA's tools could live with another C library. What begins each command, and whether all is well."""
    carried, program = root / CARRIED, build / "bin/lmopt"
    if not always and starts([program], root):
        return [], True
    if not (carried / "ld.so").exists():
        return [], False
    own = f"{CARRIED}/ld.so".encode()
    for each in (build / "bin").iterdir():
        each.write_bytes(each.read_bytes().replace(LOADER + b"\0", own.ljust(len(LOADER), b"\0") + b"\0", 1))
    others = os.environ.get("LD_LIBRARY_PATH")  # where the driver may be
    begin = ["/usr/bin/env", f"LD_LIBRARY_PATH={carried}{':' + others if others else ''}"]
    return begin, starts([*begin, program], root)
