# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The results of script/gpu-check as markdown, to paste into docs/performance.md."""

# Smaller gains are noise: nothing is said to change for them.
NOISE = 1.03


def card_line(card):
    what = f"{card['name']}, {card['multiprocessors']} multiprocessors, capability {card['capability'] / 10:.1f}, " \
           f"{card['memory_bytes'] / 1e9:.1f} GB"
    driver = (card.get("smi") or {}).get("driver_version")
    return f"{what}; driver {driver + ', ' if driver else ''}CUDA {card['cuda']}"


def percent(share):
    return "unknown" if share is None else f"{share:.0%}"


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
        text.append([row["model"], row["recipe"], f"{row['cpu']['rms_share']:.1e}", near, figures, other_ways(row),
                     percent(row["share_of_floor"]) if "share_of_floor" in row else "", f"{bench.get('open_ms', 0):.0f}"])
    return table(["model", "recipe", "rms from the CPU", "same best token, mean KL",
                  "pp512 / tg64 / tg64_sessions8, or 1x16 / 1x128 / 32x128", "tg64 otherwise launched", "tg64 of its floor",
                  "open + first, ms"], text) if text else ""


def steps_of(figures):
    """Tokens/s of single steps."""
    return next((value for key, value in figures.items() if key.startswith("tg64") and "sessions" not in key), 0)


def other_ways(row):
    return ", ".join(f"{mode} {steps_of(row[mode]):.0f}" for mode in ("launches", "persistent") if mode in row)


def synthetic(results):
    rows = [[row["model"], row["recipe"], f"{steps_of(row['graph']):.0f}", other_ways(row), f"{row['gb_per_s']:.0f}",
             percent(row["share_of_floor"]), (row["forecast"] or {}).get("tokens_per_second", "none"), f"{row['long_prompt']:.0f}", f"{row['tflop_per_s']:.1f}"]
            for row in part_rows(results, "synthetic")]
    return table(["random numbers", "recipe", "tg64", "otherwise launched", "GB/s", "of the floor", "forecast", "pp2048", "TFLOP/s"],
                 rows) if rows else ""


def kernels(results):
    rows = [["the same bits" if row["must_be_equal"] else "near", row["launches"], row["words_differ"], row["words"],
             f"{row['max_share']:.1e}", " / ".join(map(str, row["ulps_0_1_2_8_more"]))]
            for row in part_rows(results, "kernels") if "launches" in row]
    return table(["kernels that must give", "launches", "words with other bits", "of", "furthest", "ulps: 0 / 1 / 2 / up to 8 / more"],
                 rows) if rows else ""


def bounds(results):
    rows = [[key, value] for row in part_rows(results, "bounds") for key, value in row.items()]
    return table(["the card", "measured"], rows) if rows else ""


def numbers_assumed(results):
    """What the compiler assumes beside what the card wants."""
    rows = [[f"`{row['number']}`", row["format"], row["assumed"], f"**{row['found']}**" if row["found"] != row["assumed"] else row["found"],
             f"{row['gain']:.2f}", row["cases"], ", ".join(f"{value}: {mean:.2f}" for value, mean in row["behind_the_fastest"].items()),
             row["file"]] for row in part_rows(results, "sweeps") if "number" in row]
    return table(["number", "of", "assumed", "found", "gain", "cases", "value: time over the fastest", "in"], rows) if rows else ""


def ways(results):
    """Kernels and ways to launch of which another one is faster; all are in results.json."""
    kernels_ = [[row["group"], row["assumed"], row["best"], f"{row['gain']:.2f}",
                 ", ".join(f"{name} {time}" for name, time in list(row["microseconds"].items())[:4])]
                for row in part_rows(results, "sweeps") if "group" in row and (row["gain"] or 0) >= NOISE]
    models = [[row["model"], row["figure"], row["assumed"], row["best"], f"{row['gain']:.2f}",
               ", ".join(f"{mode} {speed:.0f}" for mode, speed in row["tokens_per_second"].items())]
              for row in part_rows(results, "sweeps") if "figure" in row]
    return (table(["a faster kernel", "taken", "fastest", "gain", "microseconds"], kernels_) if kernels_ else "") + \
        (table(["model", "figure", "taken", "fastest", "gain", "tokens/s"], models) if models else "")


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
    parts = (bounds, kernels, fixtures, real, synthetic, numbers_assumed, ways, openings)
    return (text + "".join(part(results) for part in parts)).rstrip() + "\n"
