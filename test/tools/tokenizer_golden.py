#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes test/unit/tokenizer/golden/{smollm2,minilm}.json: texts and the ids that llama.cpp and `tokenizers` give them.

    test/tools/tokenizer_golden.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --hf all-MiniLM-L6-v2
Each entry: {"text": ... or "hex": bytes that are no UTF-8, "ids": as the model is fed, "plain": without special tokens}.
Read by test/unit/tokenizer/GoldenTest.cpp.
"""

import argparse
import json
import os

import llama_cpp
from tokenizers import Tokenizer

from tokenizer_parity import SPACES, bad_bytes, made_up

LINES = """
All human beings are born free and equal in dignity and rights.
Tous les êtres humains naissent libres et égaux en dignité et en droits.
Alle Menschen sind frei und gleich an Würde und Rechten geboren. Straße, GROẞ, Füße.
Todos los seres humanos nacen libres e iguales en dignidad y derechos. ¿Qué? ¡Sí!
Todos os seres humanos nascem livres e iguais em dignidade e em direitos.
Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.
Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.
Minden emberi lény szabadon születik és egyenlő méltósága és joga van.
Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. İstanbul, ısı, IĞDIR
Все люди рождаются свободными и равными в своём достоинстве и правах.
Всі люди народжуються вільними і рівними у своїй гідності та правах.
Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια. ΟΔΥΣΣΕΥΣ ς σ
כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. שָׁלוֹם
يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. السَّلَامُ عَلَيْكُمْ ٠١٢٣
تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند.
सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है। १२३
সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।
மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.
ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులు.
มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ
ມະນຸດທຸກຄົນເກີດມາມີສິດເສລີພາບ
လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် မွေးဖွားလာသူများ ဖြစ်သည်။
មនុស្សទាំងអស់កើតមកមានសេរីភាព
人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。
すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。ガギグ ｶﾞｷﾞ
모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 한글
Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền.
ყველა ადამიანი იბადება თავისუფალი და თანასწორი
Բոլոր մարդիկ ծնվում են ազատ ու հավասար
የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።
𐌰𐌻𐌻𐌰𐌹 𐌼𐌰𐌽𐌽𐌰 𝓗𝓮𝓵𝓵𝓸 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ℵ₀ ∀x∈ℝ: ⌈x⌉ = −⌊−x⌋ ½ ² Ⅻ ﬁ ǅ
int main(void) { for (int i = 0; i < 10; ++i) printf("%d\\n", i); return 0; }
def f(x: int) -> str:\\n    return f"{x:>10}"  # tab:\\there\\n\\n\\nif __name__ == '__main__':\\n\\tf(3)
SELECT * FROM users WHERE id=12345 AND name LIKE '%o''brien%'; -- 0x7fff_ffff 1e-10 3.14159
<div class="a b"><p>Hello&nbsp;World!</p></div> https://example.com/a?b=c&d=e#f user@example.org C:\\\\dir\\\\x.txt
I'm you're HE'S they've it'd we'll 'tis 'S 'T rock'n'roll O'Neil's ''s ' s
👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ❤️ ☺ 🤗🤗🤗 1️⃣ e\u0301 é \u0301x ỗ o\u0302\u0303 Å Å Ω Ω
2024-01-31T23:59:59Z 1,234,567.89 007 100% $5 €6 ¥7 #8 №9 1st 2nd 3rd x86_64 utf-8 a1b2c3
<|im_start|>system\\nYou are helpful.<|im_end|>\\n<|im_start|>user\\nHi <|im_end|><|endoftext|> <|im_ end|>
[CLS] [SEP] [MASK] [UNK] [PAD] [cls] [ MASK ] a[MASK]b [[SEP]] <repo_name>x<file_sep>y<gh_stars>3
unaffable embeddings antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis floccinaucinihilipilification
"""


def texts():
    yield from [
        "",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        " a",
        "a ",
        "a  b",
        "   x\n  y\n",
        "\0",
        "a\0b",
        "a\u00adb\u200bc\ufeffd\ufffde",
    ]
    yield from [
        line.replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\u0301", "\u0301")
        .replace("\\u0302", "\u0302")
        .replace("\\u0303", "\u0303")
        .replace("\\\\", "\\")
        for line in LINES.strip().split("\n")
    ]
    yield from [f"x{c}y {c} {c}{c}z\n{c}" for c in SPACES]
    yield from ["ab" * 300, "a" * 99, "a" * 100, "a" * 101, "é" * 120, "!" * 70, " " * 70, "0123456789" * 8, "中" * 30]
    yield from (line[:120] for line in made_up(14000, 7))
    yield from list(bad_bytes(2500, 8))


def entry(text, encode):
    data = text.encode() if isinstance(text, str) else text
    key = {"text": text} if isinstance(text, str) else {"hex": data.hex()}
    return {**key, "ids": encode(data, True), "plain": encode(data, False)}


def write(name, entries):
    target = os.path.join(os.path.dirname(__file__), "../unit/tokenizer/golden", name)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(e, separators=(",", ":")) for e in entries) + "\n]\n")
    print(name, len(entries), "entries", os.path.getsize(target), "bytes")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--hf", required=True)
    args = parser.parse_args()
    model = llama_cpp.Llama(args.gguf, vocab_only=True, verbose=False)
    write("smollm2.json", [entry(t, lambda data, on: model.tokenize(data, add_bos=on, special=on)) for t in texts()])
    bert = Tokenizer.from_file(args.hf + "/tokenizer.json")
    bert.no_padding()
    bert.no_truncation()

    def encode(data, on):
        bert.encode_special_tokens = not on
        return bert.encode(data.decode(), add_special_tokens=on).ids

    write("minilm.json", [entry(t, encode) for t in texts() if isinstance(t, str)])


if __name__ == "__main__":
    main()
