// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table (FieldTable.h) of the metadata that GGUF files have whatever their architecture: the namespaces general,
// split and adapter; that of the tokenizer has its own reader, that of the architecture its family. What it says was
// read off llama.cpp's loader and the Python package gguf (0.19).
// Tested by test/unit/frontends/FieldTablesTest.cpp and families/GgufLlamaTest.cpp.
#ifndef LMOPT_FRONTENDS_GGUF_KEYS_H
#define LMOPT_FRONTENDS_GGUF_KEYS_H

#include "files/gguf/Gguf.h"
#include "frontends/FieldTable.h"

namespace lmopt {

const FieldTable &ggufGeneralKeys();
/// The keys of one architecture, named without it (".block_count"), and the general ones.
FieldTable ggufKeysOf(const std::string &architecture, FieldTable own);

/// The reason of the rule that ends a namespace: "llama.*".
inline constexpr char kUnknownKey[] = "not known, and it may change what the model computes";

/// All keys of a file against the table.
Result<void> checkGgufKeys(const GgufFile &file, const FieldTable &table, Warnings &warnings);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_GGUF_KEYS_H
