#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures compiled models, the memory of the machine beside them, and on request the peers, and writes the tables that
docs/performance.md shows. Called by script/bench, which makes what it needs.

Usage: report.py --lmopt BIN --bandwidth BIN --decoder NAME=M.so... --encoder NAME=M.so... [--threads T]... [--rounds R]
                 [--peers DIR] [--text FILE] [--write FILE.md]

One table for each model and number of threads, each format beside the peer of its kind, several sessions decoded together,
then what bounds generation: every token reads all weights and the cache of its sequence once, so tokens/s times those bytes is
a share of the speed at which memory can be read, measured in the same rounds. With --text also what each recipe costs in
quality, against f32.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]
import compare  # noqa: E402
import document  # noqa: E402

MODELS = {"decoder": "SmolLM2", "encoder": "MiniLM"}
TITLES = {"decoder": "SmolLM2-135M-Instruct, tokens/s", "encoder": "all-MiniLM-L6-v2, sequences/s"}


SESSIONS = 8
MEAN_CONTEXT = 512 + 64 / 2  # of the 64 steps of tg64
# Each format of ours and the peer that holds the weights in about as many bits: name of ours -> name of the peer.
SAME_KIND = {"decoder": {"lmopt int8": "llama.cpp Q8_0", "lmopt native": "llama.cpp Q4_0"},
             "encoder": {"lmopt int8": "OpenVINO int8, rest bf16", "lmopt bf16": "OpenVINO bf16",
                         "lmopt f32": "OpenVINO f32"}}


class Bandwidth:
    """Best read bandwidth seen, by number of threads, in GB/s; measured anew before every round."""

    def __init__(self, program, threads):
        self.command, self.best = [program] + [str(t) for t in threads], {}

    def measure(self):
        found = json.loads(subprocess.run(self.command, check=True, text=True, capture_output=True).stdout)
        for threads, rate in found.items():
            self.best[int(threads)] = max(rate, self.best.get(int(threads), 0))


def footprint_table(results, threads):
    lines = ["| | open + first token or vector, ms | peak memory, MB | artifact, MB |", "|---|---|---|---|"]
    for kind, by_threads in results.items():
        for entry in by_threads[threads]:
            if entry.ours and entry.best:
                lines.append(f"| {MODELS[kind]}, {entry.name} | {entry.best['open_ms']:.4g} | {entry.best['rss_mb']:.4g} | "
                             f"{entry.best['artifact_mb']:.4g} |")
    return "\n".join(lines) + "\n"


def same_kind_table(results):
    """Ratios to the peer with weights of the same kind; empty without peers."""
    lines = []
    for kind, by_threads in results.items():
        keys = compare.RATES[kind]
        rows = []
        for threads, entries in by_threads.items():
            found = {entry.name: entry.best for entry in entries if not entry.problem}
            for name, peer in SAME_KIND[kind].items():
                if name in found and peer in found:
                    ratios = " | ".join(f"{found[name][key] / found[peer][key]:.2f}" for key in keys)
                    rows.append(f"| {name} | {peer} | {threads} | {ratios} |")
        if rows:
            lines += ["| | to | threads | " + " | ".join(keys) + " |", "|---" * (len(keys) + 3) + "|", *rows, ""]
    return "\n".join(lines)


def sessions_table(by_threads):
    key = f"tg64_sessions{SESSIONS}"
    lines = [f"| generation | threads | one session, tokens/s | {SESSIONS} together | ratio |", "|---|---|---|---|---|"]
    for threads, entries in by_threads.items():
        for entry in entries:
            if entry.ours and key in entry.best:
                one, together = entry.best["tg64"], entry.best[key]
                lines.append(f"| {entry.name} | {threads} | {one:.4g} | {together:.4g} | {together / one:.2f} |")
    return "\n".join(lines) + "\n"


def cache_megabytes(args, name):
    """What a step of tg64 reads beside the weights."""
    path = dict(args.decoder)[name.removeprefix("lmopt ")]
    facts = subprocess.run([args.lmopt, "inspect", path, "--format", "json"], check=True, text=True, capture_output=True)
    return json.loads(facts.stdout)["manifest"]["cache_bytes_per_position"] * MEAN_CONTEXT / 1e6


def bound_table(args, by_threads, bandwidth):
    lines = ["| generation | threads | tokens/s | weights and cache read, GB/s | memory, GB/s | share |", "|---|---|---|---|---|---|"]
    for threads, entries in by_threads.items():
        for entry in entries:
            if entry.ours and "tg64" in entry.best:
                megabytes = entry.best["artifact_mb"] + cache_megabytes(args, entry.name)
                read, memory = entry.best["tg64"] * megabytes / 1e3, bandwidth.best[threads]
                lines.append(f"| {entry.name} | {threads} | {entry.best['tg64']:.4g} | {read:.1f} | {memory:.1f} | "
                             f"{100 * read / memory:.0f} % |")
    return "\n".join(lines) + "\n"


def decoder_quality(args):
    """16 chunks of 512 tokens, the later half of each scored: llama.cpp's convention."""
    artifacts, lines = dict(args.decoder), ["| SmolLM2 | ppl | to f32 | KL | top1 |", "|---|---|---|---|---|"]
    for name, path in artifacts.items():
        command = [args.lmopt, "eval", "--quiet", path, "--text", args.text, "--ctx", "512", "--chunks", "16", "--format", "json"]
        done = subprocess.run(command + ["--reference", artifacts["f32"]], check=True, text=True, capture_output=True)
        found = json.loads(done.stdout)
        lines.append(f"| lmopt {name} | {found['ppl']:.4g} | {found['ppl'] / found['ref_ppl']:.4f} | {found['kl']:.5f} | "
                     f"{found['top1']:.3f} |")
    return "\n".join(lines) + "\n"


def encoder_quality(args):
    """Cosine to f32 of all lines of the text that have at least 40 characters. (Vectors are normalized.)"""
    texts = [line for line in args.text.read_text().splitlines() if len(line) >= 40]
    vectors = {}
    for name, path in args.encoder:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(texts) + "\n")
            file.flush()
            done = subprocess.run([args.lmopt, "embed", "--quiet", path, "--file", file.name], check=True, text=True, capture_output=True)
        vectors[name] = [json.loads(line) for line in done.stdout.splitlines()]
    lines = [f"| MiniLM, {len(texts)} lines | least cosine to f32 | mean |", "|---|---|---|"]
    for name, rows in vectors.items():
        cosines = [sum(x * y for x, y in zip(a, b)) for a, b in zip(rows, vectors["f32"])]
        lines.append(f"| lmopt {name} | {min(cosines):.5f} | {sum(cosines) / len(cosines):.5f} |")
    return "\n".join(lines) + "\n"


def measure_all(args, bandwidth):
    """{kind: {threads: entries}}"""
    results = {}
    for kind, artifacts in {"decoder": args.decoder, "encoder": args.encoder}.items():
        for threads in args.threads:
            entries = compare.ours(args.lmopt, dict(artifacts), threads)
            for entry in entries if kind == "decoder" else []:
                entry.also = ((entry.command + ["--sessions", str(SESSIONS)], [f"tg64_sessions{SESSIONS}"]),)
            if args.peers:
                entries += compare.peers(args.peers.resolve(), kind, threads)
            print(f"{kind}, {threads} threads", file=sys.stderr)
            compare.measure(entries, args.rounds, bandwidth.measure)
            results.setdefault(kind, {})[threads] = entries
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lmopt", default="build/bin/lmopt")
    parser.add_argument("--bandwidth", default="build/bin/bench-bandwidth")
    parser.add_argument("--decoder", type=compare.named_path, action="append", default=[], metavar="NAME=M.so")
    parser.add_argument("--encoder", type=compare.named_path, action="append", default=[], metavar="NAME=M.so")
    parser.add_argument("--threads", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--text", type=pathlib.Path, metavar="FILE", help="measure quality on it; needs the artifacts named f32")
    parser.add_argument("--command", default="", help="what to name as the command instead of this program")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="also put the tables into this document")
    args = parser.parse_args()
    args.threads = args.threads or [1, 2]
    bandwidth = Bandwidth(args.bandwidth, args.threads)
    results = measure_all(args, bandwidth)

    parts = []
    for kind, by_threads in results.items():
        for threads, entries in by_threads.items():
            if entries:
                parts.append(compare.table(f"{TITLES[kind]}, {threads} thread{'s' * (threads > 1)}", kind, entries))
    parts += [same_kind_table(results), sessions_table(results["decoder"]), footprint_table(results, min(args.threads)),
              bound_table(args, results["decoder"], bandwidth)]
    if args.text:
        parts += [decoder_quality(args), encoder_quality(args)]
    command = args.command.split() or ["bench/report.py"] + sys.argv[1:]
    text = document.provenance(command) + "\n".join(parts)
    print(text, end="")
    if args.write:
        document.replace_section(args.write, "speed", text)
    broken = [e for by_threads in results.values() for entries in by_threads.values() for e in entries if e.ours and e.problem]
    for entry in broken:
        print(f"report.py: {entry.name}: {entry.problem}", file=sys.stderr)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
