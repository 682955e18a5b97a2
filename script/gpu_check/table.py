# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The results of script/gpu-check as markdown, to paste into docs/performance.md."""


def card_line(card):
    what = f"{card['name']}, {card['multiprocessors']} multiprocessors, capability {card['capability'] / 10:.1f}, " \
           f"{card['memory_bytes'] / 1e9:.1f} GB"
    driver = card.get("smi", {}).get("driver_version")
    return f"{what}; driver {driver + ', ' if driver else ''}CUDA {card['cuda']}"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines) + "\n"


def part_rows(results, name):
    return next((part["rows"] for part in results["parts"] if part["name"] == name), [])


def fixtures(results):
    """One row for each format: what is furthest off of all models."""
    rows, text = part_rows(results, "fixtures"), []
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        own = [row for row in rows if row["recipe"] == recipe]
        text.append([recipe, len({row["model"] for row in own}), sum(row["interpreter"].get("bits_differ", 0) for row in own),
                     sum(row["interpreter"]["values"] for row in own),
                     *(f"{max(row[other][key] for row in own):.1e}"
                       for other in ("interpreter", "cpu") for key in ("max_share", "rms_share"))])
    return table(["fixtures", "models", "values with other bits than interpreted", "of", "furthest", "rms", "furthest from the CPU", "rms"],
                 text) if text else ""


def real(results):
    rows = part_rows(results, "real")
    text = []
    for row in rows:
        bench = row.get("bench", {})
        near = f"{row['same_best']:.1%}, {row['kl_mean']:.1e}" if "same_best" in row else f"cosine {row.get('least_cosine', 0):.5f}"
        figures = " / ".join(f"{bench[key]:.0f}" for key in ("pp512", "tg64", "tg64_sessions8", "1x16", "1x128", "32x128") if key in bench)
        if "bench_persistent" in row:
            figures += f" (tg64 in one launch a step: {row['bench_persistent']['tg64']:.0f})"
        text.append([row["model"], row["recipe"], f"{row['cpu']['rms_share']:.1e}", near, figures, f"{bench.get('open_ms', 0):.0f}"])
    return table(["model", "recipe", "rms from the CPU", "same best token, mean KL",
                  "pp512 / tg64 / tg64_sessions8, or 1x16 / 1x128 / 32x128", "open + first, ms"], text) if text else ""


def openings(results):
    rows = [[row["artifact"], row["architecture"], row["kind"], row["first_ms"], row["second_ms"]] for row in part_rows(results, "opening")]
    return table(["artifact", "code", "kind", "first process, ms", "second, ms"], rows) if rows else ""


def markdown(results):
    where = "**Over the interpreter of PTX, not on a card: no figure of time means anything.** " if not results["hardware"] else ""
    text = f"{where}`script/gpu-check`, {results['date']}, {results['commit']}: {card_line(results['card'])}.\n\n"
    text += table(["part", "", "checks", "s", "what"], [
        [part["name"], part["status"], f"{part['checks']}", f"{part['seconds']:.0f}",
         "; ".join(filter(None, [part["summary"], *part["failures"][:3], *part["missing"]])).replace("|", "/")]
        for part in results["parts"]])
    return (text + fixtures(results) + real(results) + openings(results)).rstrip() + "\n"
